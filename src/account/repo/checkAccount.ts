import type { Cid } from '@atproto/lex-data'
import { cidKey } from '../../repo/cid.ts'
import { parseCommit } from '../../repo/commit.ts'
import { DigestTable } from '../../repo/digestTable.ts'
import { walk, WalkError } from '../../repo/tree/treeWalk.ts'
import type { Blobs } from '../blobs/blobs.ts'
import { readCounts, readHead, type Head } from '../db/head.ts'
import type { Journal } from '../journal.ts'
import type { Sql } from '../db/sql.ts'
import { blobRefsOf, cidsOf } from './commits/recordOp.ts'
import {
  type CheckBlocksDeps,
  checkBlocks,
  isLive,
  addLive,
  type ReportProblem,
} from '../blocks/checkBlocks.ts'

export interface CheckReport {
  ok: boolean
  /** What is wrong: at most the first hundred problems. */
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

export interface CheckDeps extends CheckBlocksDeps {
  did: string
  blobs: Blobs
  journal: Journal
}

const MAX_PROBLEMS = 100

/**
 * Checks the whole account: from its blocks, recomputes every hash and everything else that is derived from them; then
 * checks the event log and the journal. The answer is right only if nothing is written meanwhile, so the caller runs this
 * alone (`repo.exclusive`).
 */
export const checkAccount = async (deps: CheckDeps): Promise<CheckReport> => {
  const { sql, blobs, journal } = deps
  const problems: string[] = []
  const problem = (text: string) => {
    if (problems.length < MAX_PROBLEMS) problems.push(text)
  }
  const head = readHead(sql)
  const counts = readCounts(sql)
  const live = new DigestTable(deps.blocks.seed)
  if (head) checkTree(deps, head, live, problem)
  else if (counts.blocks > 0 || counts.records > 0) problem('there are counts and no repository')
  checkBlocks(deps, live, head, counts.blocks, problem)
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

/** Checks the commit, every node and record below it, the blob references, and which records several paths hold. */
const checkTree = (deps: CheckDeps, head: Head, live: DigestTable, problem: ReportProblem): void => {
  const { sql, blocks, did } = deps
  addLive(live, head.root.bytes, 0)
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
    for (const item of walk(head.data, (cid) => blocks.read(cid), { checkHashes: true })) {
      const { cid } = item
      if (item.kind === 'record') {
        count++
        references += checkReferences(sql, item.key, item.bytes, problem)
        if (isLive(live, cid.bytes, 0)) {
          const entry = repeated.get(cidKey(cid)) ?? { cid, paths: 1 }
          entry.paths++
          repeated.set(cidKey(cid), entry)
          continue
        }
      }
      addLive(live, cid.bytes, 0)
      if (!blocks.isCurrent(cid)) problem(`the block ${cid} is in the tree and not current`)
    }
  } catch (cause) {
    if (!(cause instanceof WalkError)) throw cause
    problem(`tree: ${cause.message}`)
    return
  }
  const counted = new Map([...blocks.repeatedRecords()].filter(([, paths]) => paths > 1))
  for (const [key, { cid, paths }] of repeated) {
    if (counted.get(key) !== paths)
      problem(`repeated records: ${cid} is under ${paths} paths, ${counted.get(key) ?? 1} counted`)
    counted.delete(key)
  }
  if (counted.size > 0) problem(`repeated records: ${counted.size} that are under one path or none`)
  const stored = sql.first<{ count: number }>('SELECT count(*) AS count FROM blob_ref')?.count ?? 0
  if (stored !== references) problem(`blob references: ${stored} stored, ${references} in the records`)
  const { records } = readCounts(sql)
  if (records !== count) problem(`counts: ${records} records counted, ${count} in the tree`)
}

/** Checks that the record's blob references are stored; returns how many it has. */
const checkReferences = (sql: Sql, path: string, block: Uint8Array, problem: ReportProblem): number => {
  const refs = cidsOf(blobRefsOf(block))
  for (const cid of refs) {
    const row = sql.first('SELECT 1 AS yes FROM blob_ref WHERE cid = ? AND path = ?', cid, path)
    if (!row) problem(`blob references: ${path} refers to ${cid}, which is not recorded`)
  }
  return refs.length
}

/** Checks that the events that are kept have no gap in their numbers, and revisions that rise; returns how many there are. */
const checkEvents = (sql: Sql, problem: ReportProblem): number => {
  const row = sql.first<{ first: number | null; last: number | null; count: number }>(
    'SELECT min(seq) AS first, max(seq) AS last, count(*) AS count FROM event',
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
