import { encode } from '@atproto/lex-cbor'
import { fault } from '../../fault.ts'
import type { Platform } from '../../platform.ts'
import type { EventFields, EventType } from './messages.ts'
import { bytes, type Sql } from '../db/sql.ts'
import { raiseSeqFloor, readFirstSeq, readSeqFloor } from '../db/accountRow.ts'

/** One event of the firehose. Its frame is the header `{op: 1, t: '#<type>'}` followed by `body`, byte for byte. */
export interface SequencedEvent {
  seq: number
  type: EventType
  /** The revision that a commit or a sync is about. */
  rev: string | null
  /** Milliseconds since 1970; the body has the same time as text. */
  time: number
  /** The whole message in DAG-CBOR, `seq` and `time` included. */
  body: Uint8Array
}

/**
 * The event log. A number is never given twice: the next one is above the newest row and above the floor in the
 * account's row, which `prune` raises before it deletes.
 */
export interface Sequencer {
  /**
   * Runs `work` in one transaction; once it is committed, runs `afterCommit`, and then broadcasts its events. A reader of
   * the log must not rely on the broadcast alone: the object may die before it.
   */
  transaction<T>(work: () => T, afterCommit?: (result: T) => void): T
  /** Appends an event, inside of a `transaction`. `seq`, `time` and the account's DID are added to `fields`. */
  append<Type extends EventType>(type: Type, fields: EventFields<Type>, rev?: string | null): SequencedEvent
  /** Appends an `#identity`. */
  appendIdentity(handle?: string): SequencedEvent
  /** Appends an `#account`. */
  appendAccount(active: boolean, status?: string): SequencedEvent
  /** Appends a `#sync`. `car` has the commit only. */
  appendSync(rev: string, car: Uint8Array): SequencedEvent
  /** Events after this number, oldest first: up to `limit`, or until they reach `maxBytes`. */
  read(after: number, limit: number, maxBytes?: number): SequencedEvent[]
  /** The number of the newest event, or of the one before the first. */
  latest(): number
  /** The number of the oldest event that is still kept. */
  oldest(): number | undefined
  /** Whether some of the events after `seq` are no longer kept. */
  isOutdated(seq: number): boolean
  /** Deletes events from before this time (milliseconds), oldest first: at most `limit`, fewer where they are large. */
  prune(before: number, limit: number): { pruned: number; more: boolean }
}

export interface SequencerDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  did: string
  /** Gets each event after it is committed. */
  broadcast?(event: SequencedEvent): void
}

/** An event has up to 2 MB: a page ends early, so that it does not fill the memory. */
const MAX_READ_BYTES = 4 * 1024 * 1024

/** How much one `prune` deletes: SQLite visits every page of the database over which a large row is spread. */
const MAX_PRUNE_BYTES = 16 * 1024 * 1024

type Row = { seq: number; type: EventType; rev: string | null; time: number; body: ArrayBuffer }
type RowSize = { seq: number; size: number }

/** The last of these rows, or the one with which they reach `maxBytes`. */
const lastWithin = (rows: readonly RowSize[], maxBytes: number): RowSize | undefined => {
  let total = 0
  return rows.find(({ size }) => (total += size) >= maxBytes) ?? rows.at(-1)
}

export const createSequencer = (deps: SequencerDeps): Sequencer => {
  const { sql, platform, did } = deps
  /** The events of the transaction that is running. */
  let appended: SequencedEvent[] = []

  const transaction: Sequencer['transaction'] = (work, afterCommit) => {
    appended = []
    const result = sql.transaction(work)
    afterCommit?.(result)
    const events = appended
    appended = []
    if (events.length > 0) fault('event.beforeBroadcast')
    for (const event of events) deps.broadcast?.(event)
    return result
  }

  const latest = (): number => {
    const { seq } = sql.first<{ seq: number | null }>('SELECT max(seq) AS seq FROM event') ?? {}
    return Math.max(readSeqFloor(sql), seq ?? 0)
  }

  const oldest = (): number | undefined =>
    sql.first<{ seq: number | null }>('SELECT min(seq) AS seq FROM event')?.seq ?? undefined

  const append: Sequencer['append'] = (type, fields, rev = null) => {
    sql.assertTransaction()
    const seq = latest() + 1
    const time = platform.now()
    const who = type === 'commit' ? { repo: did } : { did }
    const body = encode({ ...who, ...fields, seq, time: new Date(time).toISOString() })
    sql.run(
      'INSERT INTO event (seq, type, rev, time, body) VALUES (?, ?, ?, ?, ?)',
      seq,
      type,
      rev,
      time,
      body,
    )
    const event = { seq, type, rev, time, body }
    appended.push(event)
    return event
  }

  const read: Sequencer['read'] = (after, limit, maxBytes = MAX_READ_BYTES) => {
    const sizes = sql.all<RowSize>(
      'SELECT seq, length(body) AS size FROM event WHERE seq > ? ORDER BY seq LIMIT ?',
      after,
      limit,
    )
    const end = lastWithin(sizes, maxBytes)
    if (!end) return []
    return sql
      .all<Row>(
        'SELECT seq, type, rev, time, body FROM event WHERE seq > ? AND seq <= ? ORDER BY seq',
        after,
        end.seq,
      )
      .map((row) => ({ ...row, body: bytes(row.body) }))
  }

  const isOutdated = (seq: number): boolean => {
    // Numbers begin at the time (milliseconds) when the object was made, see `openAccountRow`. If the first event is still
    // kept, nothing was deleted, however low `seq` is.
    const first = readFirstSeq(sql)
    const kept = oldest() ?? latest() + 1
    return seq + 1 < kept && first !== undefined && first < kept
  }

  const prune: Sequencer['prune'] = (before, limit) =>
    sql.transaction(() => {
      raiseSeqFloor(sql, latest())
      const old = sql.all<RowSize>(
        'SELECT seq, length(body) AS size FROM event WHERE time < ? AND seq <= (SELECT min(seq) FROM event) + ? ORDER BY seq',
        before,
        limit - 1,
      )
      const end = lastWithin(old, MAX_PRUNE_BYTES)
      if (!end) return { pruned: 0, more: false }
      sql.run('DELETE FROM event WHERE seq <= ?', end.seq)
      return {
        pruned: old.filter(({ seq }) => seq <= end.seq).length,
        more: end !== old.at(-1) || old.length === limit,
      }
    })

  return {
    transaction,
    append,
    appendIdentity: (handle) => append('identity', handle === undefined ? {} : { handle }),
    appendAccount: (active, status) =>
      append('account', status === undefined ? { active } : { active, status }),
    appendSync: (rev, car) => append('sync', { rev, blocks: car }, rev),
    read,
    latest,
    oldest,
    isOutdated,
    prune,
  }
}
