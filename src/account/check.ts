import { type Cid, decodeCid } from '@atproto/lex-data'
import { blobRefs } from '../repo/blobs.ts'
import { CborError, decodeBlock } from '../repo/cbor.ts'
import { parseCommit } from '../repo/commit.ts'
import { CID_LENGTH } from '../repo/cursor.ts'
import { DigestTable, digestWord } from '../repo/digestTable.ts'
import { keyAt, Sections } from '../repo/section.ts'
import { sameDigest, sha256 } from '../repo/sha256.ts'
import { walk, WalkError } from '../repo/walk.ts'
import type { Blobs } from './blobs.ts'
import { type Blocks, cidKey } from './blocks.ts'
import { readCounts, readHead, type Head } from './head.ts'
import type { Journal } from './journal.ts'
import type { Sql } from './sql.ts'
import { type Pack } from './store/packs.ts'
import { RUN } from './store/part.ts'
import type { Repack } from './store/repack.ts'

export interface CheckReport {
  ok: boolean
  /** What is wrong, the first hundred. */
  problems: string[]
  summary: {
    rev: string | null
    commit: string | null
    data: string | null
    blocks: number
    records: number
    blobs: { expected: number; stored: number; bytes: number }
    events: number
    journal: number
  }
}

export interface CheckParts {
  sql: Sql
  did: string
  blocks: Blocks
  blobs: Blobs
  journal: Journal
  repack: Pick<Repack, 'isRunning'>
}

const MAX_PROBLEMS = 100

/**
 * Recomputes everything that is stored twice from the blocks, and every hash. Only one who writes
 * nothing meanwhile gets a true answer, so the caller runs it alone (`repo.exclusive`).
 */
export const check = async (parts: CheckParts): Promise<CheckReport> => {
  const { sql, blobs, journal } = parts
  const problems: string[] = []
  const problem = (text: string) => {
    if (problems.length < MAX_PROBLEMS) problems.push(text)
  }
  const head = readHead(sql)
  const counts = readCounts(sql)
  const live = new DigestTable(parts.blocks.seed)
  if (head) {
    checkTree(parts, head, live, problem)
  } else if (counts.blocks > 0 || counts.records > 0) problem('there are counts and no repository')
  checkBlocks(parts, live, head, counts.blocks, problem)
  const events = checkEvents(sql, problem)
  const chain = journal.verify()
  if (!chain.ok) problem(`journal: ${chain.problem}`)
  return {
    ok: problems.length === 0,
    problems,
    summary: {
      rev: head?.rev ?? null,
      commit: head?.root.toString() ?? null,
      data: head?.data.toString() ?? null,
      ...counts,
      blobs: blobs.counts(),
      events,
      journal: chain.entries,
    },
  }
}

type Problem = (text: string) => void

/** A block of the tree, by 64 bits of its digest. */
const note = (live: DigestTable, cid: Uint8Array, at: number): void =>
  live.add(cid, at, digestWord(cid, at, 8), 0)

const isNoted = (live: DigestTable, cid: Uint8Array, at: number): boolean => {
  for (let slot = live.find(cid, at); slot >= 0; slot = live.find(cid, at, slot))
    if (live.first(slot) === digestWord(cid, at, 8)) return true
  return false
}

/** The commit, every node and record reached from it, the blob references, and which records stand there twice. */
const checkTree = (parts: CheckParts, head: Head, live: DigestTable, problem: Problem): void => {
  const { sql, blocks, did } = parts
  note(live, head.root.bytes, 0)
  const commitBytes = blocks.read(head.root)
  if (!commitBytes) problem(`the commit ${head.root} is missing`)
  else {
    const commit = parseCommit(commitBytes)
    if (commit.did !== did) problem(`the commit is of ${commit.did}`)
    if (commit.rev !== head.rev) problem(`the commit says rev ${commit.rev}, the account ${head.rev}`)
    if (!commit.data.equals(head.data))
      problem(`the commit says tree ${commit.data}, the account ${head.data}`)
  }

  let count = 0
  let references = 0
  const repeated = new Map<string, { cid: Cid; paths: number }>()
  try {
    for (const item of walk(head.data, (cid) => blocks.read(cid), { hash: true })) {
      const { cid } = item
      if (item.kind === 'record') {
        count++
        references += checkReferences(sql, item.key, item.bytes, problem)
        if (isNoted(live, cid.bytes, 0)) {
          const times = repeated.get(cidKey(cid)) ?? { cid, paths: 1 }
          times.paths++
          repeated.set(cidKey(cid), times)
          continue
        }
      }
      note(live, cid.bytes, 0)
      if (!blocks.isCurrent(cid)) problem(`the block ${cid} is in the tree and not current`)
    }
  } catch (cause) {
    if (!(cause instanceof WalkError)) throw cause
    problem(`tree: ${cause.message}`)
    return
  }
  const told = new Map(
    blocks.repeated().flatMap(({ cid, paths }) => (paths > 1 ? [[cidKey(cid), paths] as const] : [])),
  )
  for (const [key, { cid, paths }] of repeated) {
    if (told.get(key) !== paths)
      problem(`repeated records: ${cid} stands under ${paths} paths, ${told.get(key) ?? 1} counted`)
    told.delete(key)
  }
  if (told.size > 0) problem(`repeated records: ${told.size} that stand under one path or none`)
  const stored = sql.first<{ count: number }>('SELECT count(*) AS count FROM blob_ref')?.count ?? 0
  if (stored !== references) problem(`blob references: ${stored} stored, ${references} in the records`)
  const counted = readCounts(sql).records
  if (counted !== count) problem(`counts: ${counted} records counted, ${count} in the tree`)
}

const checkReferences = (sql: Sql, path: string, block: Uint8Array, problem: Problem): number => {
  try {
    const refs = blobRefs(decodeBlock(block))
    for (const { cid } of refs) {
      const row = sql.first('SELECT 1 AS yes FROM blob_ref WHERE cid = ? AND path = ?', cid.toString(), path)
      if (!row) problem(`blob references: ${path} refers to ${cid}, which is not recorded`)
    }
    return refs.length
  } catch (cause) {
    if (!(cause instanceof CborError)) throw cause
    problem(`record ${path}: ${cause.message}`)
    return 0
  }
}

/**
 * Every block that is stored: its hash, and that the current ones are the tree's and no others. In the packs
 * also that each stands where its bucket says, and that nothing stands outside of them.
 */
const checkBlocks = (
  parts: CheckParts,
  live: DigestTable,
  head: Head | undefined,
  counted: number,
  problem: Problem,
): void => {
  const { sql, blocks } = parts
  const pack = blocks.packs.current()
  const dropped = blocks.loose.droppedAfter(pack?.loose ?? 0)
  let current = 0
  const visit = (sections: Sections, n: number): void => {
    const { bytes, cid, block, end } = sections
    const name = () => blocks.name(bytes, cid)
    if (!sameDigest(sha256(bytes.subarray(block, end)), bytes.subarray(cid + 4, block)))
      problem(`block ${name()} has another hash`)
    if ((dropped.get(keyAt(bytes, cid)) ?? -1) > n) return
    current++
    if (!isNoted(live, bytes, cid)) problem(`block ${name()} is current and not in the tree`)
  }
  let rev = ''
  for (const row of blocks.loose.rows()) {
    if (row.rev < rev) problem(`loose row ${row.n} goes back to revision ${row.rev}`)
    if (row.rev > (head?.rev ?? ''))
      problem(`loose row ${row.n} is of revision ${row.rev}, which is not there`)
    rev = row.rev
    const sections = new Sections(row.bytes)
    while (sections.next()) if (row.n > (pack?.loose ?? 0)) visit(sections, row.n)
    if (sections.end !== row.bytes.length || row.dropped.length % CID_LENGTH !== 0)
      problem(`loose row ${row.n} is cut`)
  }
  if (pack) checkPack(parts, pack, (sections) => visit(sections, 0), problem)
  if (current !== live.size) problem(`blocks: ${current} current, ${live.size} in the tree`)
  if (current !== counted) problem(`counts: ${counted} blocks counted, ${current} current`)
  const strays = sql.first<{ strays: number }>(
    `SELECT (SELECT count(*) FROM part p WHERE NOT EXISTS (SELECT 1 FROM pack WHERE p.n BETWEEN first AND last)) +
            (SELECT count(*) FROM bucket b WHERE NOT EXISTS (SELECT 1 FROM pack WHERE id = b.pack)) +
            (SELECT count(*) FROM staged) AS strays`,
  )
  const staging = sql.first<{ staging: string | null }>('SELECT staging FROM account')?.staging ?? null
  if (strays && strays.strays > 0 && staging === null && !parts.repack.isRunning)
    problem(`${strays.strays} rows that belong to no pack`)
}

const checkPack = (
  { blocks }: CheckParts,
  pack: Pack,
  visit: (sections: Sections) => void,
  problem: Problem,
): void => {
  let count = 0
  for (let n = pack.first; n <= pack.last; n++) {
    const part = blocks.packs.part(n)
    if (!part) {
      problem(`part ${n} of the pack of ${pack.rev} is missing`)
      continue
    }
    const sections = new Sections(part.bytes)
    while (sections.next()) {
      count++
      const { start, cid, block } = sections
      const { section, part: found } = blocks.packs.find(pack, part.bytes, cid) ?? {}
      if (found?.n !== n || section?.start !== start)
        problem(`block ${decodeCid(part.bytes.slice(cid, block))} is not where its bucket says`)
      const made = part.madeAt(start)
      if (made.length !== RUN - 4 || made > pack.rev) problem(`part ${n} has blocks of revision ${made}`)
      visit(sections)
    }
    if (sections.end !== part.bytes.length) problem(`part ${n} is cut`)
  }
  if (count !== pack.blocks)
    problem(`the pack of ${pack.rev}: ${pack.blocks} blocks counted, ${count} stored`)
}

/** Numbers without gaps from the oldest kept to the newest. */
const checkEvents = (sql: Sql, problem: Problem): number => {
  const row = sql.first<{ first: number | null; last: number | null; count: number; floor: number }>(
    'SELECT min(seq) AS first, max(seq) AS last, count(*) AS count, (SELECT seq FROM account) AS floor FROM event',
  )
  if (!row || row.first === null || row.last === null) return 0
  if (row.last - row.first + 1 !== row.count) problem(`events: ${row.count} from ${row.first} to ${row.last}`)
  const back = sql.first<{ seq: number }>(
    `SELECT seq FROM (SELECT seq, rev, max(rev) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) AS above
     FROM event WHERE rev IS NOT NULL AND type = 'commit') WHERE rev <= above LIMIT 1`,
  )
  if (back) problem(`events: ${back.seq} goes back to an earlier revision`)
  return row.count
}
