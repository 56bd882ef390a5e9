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

/** How many commits are looked at. A service that is further behind than that gets what the newest of them wrote. */
const MAX_COMMITS = 1000

const readBody = (sql: Sql, seq: number): Record<string, unknown> => {
  const row = sql.first<{ body: ArrayBuffer }>('SELECT body FROM event WHERE seq = ?', seq)
  const body = row && decode(bytes(row.body))
  if (!isObject(body)) throw new Error(`the event ${seq} is not a message`)
  return body
}

/**
 * Whether the log has every commit after `rev`. It does not where `rev` is older than all that it keeps, as after a
 * repository was imported: the reference then adds nothing to the answers of a service, and neither do we.
 */
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

/**
 * What was written after the revision `rev`, newest first; nothing where the log does not reach back to it. The bodies
 * of events are large, so they are read one at a time, and only as far as the caller reads.
 */
export function* writtenSince(sql: Sql, rev: string): Generator<LoggedWrite> {
  if (!reachesBackTo(sql, rev)) return
  let before = Number.MAX_SAFE_INTEGER
  for (let commits = 0; commits < MAX_COMMITS; commits++) {
    const event = sql.first<{ seq: number; rev: string; time: number }>(
      `SELECT seq, rev, time FROM event WHERE seq < ? AND type = 'commit' ORDER BY seq DESC LIMIT 1`,
      before,
    )
    if (!event || event.rev <= rev) return
    before = event.seq
    const { ops } = readBody(sql, event.seq)
    if (!Array.isArray(ops)) throw new Error(`the event ${event.seq} has no operations`)
    for (const op of ops.toReversed() as unknown[])
      if (isObject(op) && typeof op.action === 'string' && typeof op.path === 'string')
        yield { action: op.action, path: op.path, time: event.time }
  }
}
