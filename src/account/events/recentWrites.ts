import { decode } from '@atproto/lex-cbor'
import { isObject } from '../../isObject.ts'
import { bytes, type Sql } from '../db/sql.ts'

/** What a commit did to one record, as the log has it. */
export interface LoggedWrite {
  action: string
  /** `collection/rkey` */
  path: string
  /** When it was committed, in milliseconds since the epoch. */
  time: number
}

/** The writes of the newest commits in the event log. */
export interface RecentWrites {
  /**
   * What was written after the revision `rev`, newest first; nothing where the log does not reach back to it. It does
   * not, for example, after a repository was imported: the reference then adds nothing to the answers of a service, and
   * neither do we.
   */
  since(rev: string): LoggedWrite[]
}

export interface RecentWritesDeps {
  sql: Sql
  /** Which writes are of interest: the others are not kept. */
  wanted(write: LoggedWrite): boolean
}

/** How many commits are looked at. A service that is further behind than that gets what the newest of them wrote. */
const MAX_COMMITS = 1000

type Row = { seq: number; rev: string; time: number }

interface Commit {
  seq: number
  rev: string
  writes: LoggedWrite[]
}

const readBody = (sql: Sql, seq: number): Record<string, unknown> => {
  const row = sql.first<{ body: ArrayBuffer }>('SELECT body FROM event WHERE seq = ?', seq)
  const body = row && decode(bytes(row.body))
  if (!isObject(body)) throw new Error(`the event ${seq} is not a message`)
  return body
}

const reachesBackTo = (sql: Sql, rev: string): boolean => {
  const oldest = sql.first<{ seq: number; type: string; rev: string }>(
    'SELECT seq, type, rev FROM event WHERE rev IS NOT NULL ORDER BY seq LIMIT 1',
  )
  if (!oldest) return false
  if (oldest.rev <= rev) return true
  // What came before it was deleted for its age, and the commit says which revision that was.
  const since = oldest.type === 'commit' ? readBody(sql, oldest.seq).since : null
  return typeof since === 'string' && since <= rev
}

/** Decoding an event takes a tenth of a millisecond, so the commits that were read stay in memory. */
export const createRecentWrites = ({ sql, wanted }: RecentWritesDeps): RecentWrites => {
  /** Without a gap, newest first. */
  let known: Commit[] = []

  const rowBefore = (seq: number): Row | undefined =>
    sql.first<Row>(
      `SELECT seq, rev, time FROM event WHERE seq < ? AND type = 'commit' ORDER BY seq DESC LIMIT 1`,
      seq,
    )

  const readCommit = ({ seq, rev, time }: Row): Commit => {
    const { ops } = readBody(sql, seq)
    if (!Array.isArray(ops)) throw new Error(`the event ${seq} has no operations`)
    const writes = ops.toReversed().flatMap((op: unknown): LoggedWrite[] => {
      if (!isObject(op) || typeof op.action !== 'string' || typeof op.path !== 'string') return []
      const write = { action: op.action, path: op.path, time }
      return wanted(write) ? [write] : []
    })
    return { seq, rev, writes }
  }

  /** The commits from this number down, as far as `goOn` says, and at most `most`. */
  const read = (from: number, most: number, goOn: (row: Row) => boolean): Commit[] => {
    const commits: Commit[] = []
    for (let row = rowBefore(from); row && commits.length < most && goOn(row); row = rowBefore(row.seq))
      commits.push(readCommit(row))
    return commits
  }

  return {
    since: (rev) => {
      if (!reachesBackTo(sql, rev)) return []
      const isNewer = (row: Row): boolean => row.rev > rev
      const newest = known[0]
      if (newest) {
        const added = read(Number.MAX_SAFE_INTEGER, MAX_COMMITS, ({ seq }) => seq > newest.seq)
        known = [...added, ...known].slice(0, MAX_COMMITS)
      }
      const oldest = known.at(-1)
      if (!oldest || oldest.rev > rev)
        known.push(...read(oldest?.seq ?? Number.MAX_SAFE_INTEGER, MAX_COMMITS - known.length, isNewer))
      return known.filter((commit) => commit.rev > rev).flatMap(({ writes }) => writes)
    },
  }
}
