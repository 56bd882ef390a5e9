import { decodeCid } from '@atproto/lex-data'
import { blobRefs } from '../repo/blobs.ts'
import { CborError, decodeBlock } from '../repo/cbor.ts'
import { parseCommit } from '../repo/commit.ts'
import { sameDigest, sha256 } from '../repo/sha256.ts'
import { walk, WalkError } from '../repo/walk.ts'
import type { Blobs } from './blobs.ts'
import { type Blocks } from './blocks.ts'
import { DigestSet } from './digestSet.ts'
import { readCounts, readHead, type Head } from './head.ts'
import type { Journal } from './journal.ts'
import type { Records } from './records.ts'
import { bytes, type Sql } from './sql.ts'

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
  records: Records
  blobs: Blobs
  journal: Journal
}

interface BlockRow {
  cid: ArrayBuffer
  made: string
  dropped: string | null
  [column: string]: ArrayBuffer | string | null
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
  const live = new DigestSet()
  if (head) {
    await checkTree(parts, head, live, problem)
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

/** The commit, every node and record reached from it, the record index and the blob references. */
const checkTree = async (parts: CheckParts, head: Head, live: DigestSet, problem: Problem): Promise<void> => {
  const { sql, blocks, records, did } = parts
  live.add(head.root)
  const commitBytes = blocks.read(head.root)
  if (!commitBytes) problem(`the commit ${head.root} is missing`)
  else {
    const commit = parseCommit(commitBytes)
    if (commit.did !== did) problem(`the commit is of ${commit.did}`)
    if (commit.rev !== head.rev) problem(`the commit says rev ${commit.rev}, the account ${head.rev}`)
    if (!commit.data.equals(head.data))
      problem(`the commit says tree ${commit.data}, the account ${head.data}`)
  }

  const index = records.entries()
  let row = index.next().value
  let count = 0
  let references = 0
  try {
    for await (const item of walk(head.data, (cids) => blocks.readSome(cids), { hash: true })) {
      live.add(item.cid)
      if (item.kind === 'node') continue
      count++
      while (row && row.path < item.key) {
        problem(`record index: ${row.path} is not in the tree`)
        row = index.next().value
      }
      if (row?.path !== item.key) problem(`record index: ${item.key} is missing`)
      else {
        if (!row.cid.equals(item.cid))
          problem(`record index: ${item.key} is ${row.cid}, in the tree ${item.cid}`)
        row = index.next().value
      }
      if (item.bytes) references += checkReferences(sql, item.key, item.bytes, problem)
    }
    for (; row; row = index.next().value) problem(`record index: ${row.path} is not in the tree`)
  } catch (cause) {
    if (!(cause instanceof WalkError)) throw cause
    problem(`tree: ${cause.message}`)
    return
  }
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

/** Every row of blocks: current ones must be in the tree, dropped ones must be on their way out. */
const checkBlocks = (
  parts: CheckParts,
  live: DigestSet,
  head: Head | undefined,
  counted: number,
  problem: Problem,
): void => {
  const { sql } = parts
  const staging = sql.first<{ staging: string | null }>('SELECT staging FROM account')?.staging ?? null
  let current = 0
  let [cid, made]: [ArrayBufferLike, string] = [new ArrayBuffer(0), '']
  for (;;) {
    const rows: BlockRow[] = sql.all<BlockRow>(
      'SELECT cid, made, dropped FROM block WHERE (cid, made) > (?, ?) ORDER BY cid, made LIMIT 1000',
      new Uint8Array(cid),
      made,
    )
    for (const row of rows) {
      const name = () => decodeCid(bytes(row.cid)).toString()
      if (row.dropped === null) {
        if (row.made > (head?.rev ?? '')) {
          if (row.made !== staging)
            problem(`block ${name()} belongs to revision ${row.made}, which is not there`)
        } else {
          current++
          if (!live.has(bytes(row.cid).subarray(4))) problem(`block ${name()} is current and not in the tree`)
        }
      } else {
        if (row.dropped <= row.made) problem(`block ${name()} was dropped before it was made`)
        // Current ones were hashed on the walk.
        const block = sql.first<{ bytes: ArrayBuffer }>(
          'SELECT bytes FROM block WHERE cid = ? AND made = ?',
          row.cid,
          row.made,
        )
        if (block && !sameDigest(sha256(bytes(block.bytes)), bytes(row.cid).subarray(4))) {
          problem(`block ${name()} has another hash`)
        }
      }
    }
    const last = rows.at(-1)
    if (!last) break
    ;[cid, made] = [last.cid, last.made]
  }
  if (current !== live.size) problem(`blocks: ${current} current, ${live.size} in the tree`)
  if (current !== counted) problem(`counts: ${counted} blocks counted, ${current} current`)
  const waste = sql.first<{ dropped: number; listed: number }>(
    `SELECT (SELECT count(*) FROM block WHERE dropped IS NOT NULL) AS dropped,
            (SELECT coalesce(sum(length(cids)), 0) / 36 FROM garbage) AS listed`,
  )
  if (waste && waste.dropped !== waste.listed) {
    problem(`blocks: ${waste.dropped} dropped, ${waste.listed} listed for collection`)
  }
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
