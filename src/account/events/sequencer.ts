import { encode } from '@atproto/lex-cbor'
import { fault } from '../../fault.ts'
import type { Platform } from '../../platform.ts'
import type { EventFields, EventType } from './frames.ts'
import { bytes, type Sql } from '../db/sql.ts'
import { raiseSeqFloor, readFirstSeq, readSeqFloor } from '../db/accountRow.ts'

/** One event of the firehose. A frame is the header `{op: 1, t: '#<type>'}` followed by `body`, as it stands. */
export interface SequencedEvent {
  seq: number
  type: EventType
  /** The revision that a commit or a sync is about. */
  rev: string | null
  /** Milliseconds; the body holds the same moment as text. */
  time: number
  /** The whole message in DAG-CBOR, `seq` and `time` included. */
  body: Uint8Array
}

// An event has up to 2 MB: a page ends early rather than fill the memory.
const READ_BYTES = 4 * 1024 * 1024

// Every page that a large row spills over to is visited when the row is deleted.
const PRUNE_BYTES = 16 * 1024 * 1024

type Row = { seq: number; type: EventType; rev: string | null; time: number; body: ArrayBuffer }

/**
 * The event log. A number is never given twice: the next is one above the newest row and above
 * the floor in the account's row, which `prune` raises before it deletes.
 */
export class Sequencer {
  readonly #sql: Sql
  readonly #platform: Pick<Platform, 'now'>
  readonly #did: string
  readonly #broadcast: (event: SequencedEvent) => void
  #appended: SequencedEvent[] = []

  constructor(
    sql: Sql,
    platform: Pick<Platform, 'now'>,
    did: string,
    broadcast: (event: SequencedEvent) => void = () => {},
  ) {
    this.#sql = sql
    this.#platform = platform
    this.#did = did
    this.#broadcast = broadcast
  }

  /**
   * One transaction; when it stands, `committed` runs and then its events go out. A reader of the
   * log must not count on `broadcast` alone: the object may die between the two.
   */
  transaction<T>(work: () => T, committed: (result: T) => void = () => {}): T {
    this.#appended = []
    const result = this.#sql.transaction(work)
    committed(result)
    const events = this.#appended
    this.#appended = []
    if (events.length > 0) fault('event.beforeBroadcast')
    for (const event of events) this.#broadcast(event)
    return result
  }

  /** `fields` without `seq`, `time` and the account's DID under `did`. */
  append<Type extends EventType>(
    type: Type,
    fields: EventFields<Type>,
    rev: string | null = null,
  ): SequencedEvent {
    this.#sql.assertTransaction()
    const seq = this.latest() + 1
    const time = this.#platform.now()
    const who = type === 'commit' ? { repo: this.#did } : { did: this.#did }
    const body = encode({ ...who, ...fields, seq, time: new Date(time).toISOString() })
    this.#sql.run(
      'INSERT INTO event (seq, type, rev, time, body) VALUES (?, ?, ?, ?, ?)',
      seq,
      type,
      rev,
      time,
      body,
    )
    const event = { seq, type, rev, time, body }
    this.#appended.push(event)
    return event
  }

  identity(handle?: string): SequencedEvent {
    return this.append('identity', handle === undefined ? {} : { handle })
  }

  account(active: boolean, status?: string): SequencedEvent {
    return this.append('account', status === undefined ? { active } : { active, status })
  }

  /** `car` holds the commit alone. */
  sync(rev: string, car: Uint8Array): SequencedEvent {
    return this.append('sync', { rev, blocks: car }, rev)
  }

  /** Events after `seq`, oldest first: `limit` of them, or fewer where they are large. */
  read(after: number, limit: number, most = READ_BYTES): SequencedEvent[] {
    const sizes = this.#sql.all<{ seq: number; size: number }>(
      'SELECT seq, length(body) AS size FROM event WHERE seq > ? ORDER BY seq LIMIT ?',
      after,
      limit,
    )
    let size = 0
    const end = sizes.find((row) => (size += row.size) >= most) ?? sizes.at(-1)
    if (!end) return []
    return this.#sql
      .all<Row>(
        'SELECT seq, type, rev, time, body FROM event WHERE seq > ? AND seq <= ? ORDER BY seq',
        after,
        end.seq,
      )
      .map((row) => ({ ...row, body: bytes(row.body) }))
  }

  /** The number of the newest event, or of the one before the first. */
  latest(): number {
    const { seq } = this.#sql.first<{ seq: number | null }>('SELECT max(seq) AS seq FROM event') ?? {}
    return Math.max(readSeqFloor(this.#sql), seq ?? 0)
  }

  /** The number of the oldest event still kept. */
  oldest(): number | undefined {
    return this.#sql.first<{ seq: number | null }>('SELECT min(seq) AS seq FROM event')?.seq ?? undefined
  }

  /** Whether events after `seq` are no longer kept. */
  isOutdated(seq: number): boolean {
    // An object's first event has the number above its birthday: see `migrate`.
    const first = readFirstSeq(this.#sql)
    const oldest = this.oldest() ?? this.latest() + 1
    return seq + 1 < oldest && first !== undefined && first < oldest
  }

  /** Deletes events older than `before` (milliseconds), at most `limit` of them, fewer where they are large. */
  prune(before: number, limit: number): { pruned: number; more: boolean } {
    return this.#sql.transaction(() => {
      raiseSeqFloor(this.#sql, this.latest())
      let size = 0
      const old = this.#sql.all<{ seq: number; size: number }>(
        'SELECT seq, length(body) AS size FROM event WHERE time < ? AND seq <= (SELECT min(seq) FROM event) + ? ORDER BY seq',
        before,
        limit - 1,
      )
      const end = old.find((row) => (size += row.size) >= PRUNE_BYTES) ?? old.at(-1)
      if (!end) return { pruned: 0, more: false }
      this.#sql.run('DELETE FROM event WHERE seq <= ?', end.seq)
      return {
        pruned: old.filter(({ seq }) => seq <= end.seq).length,
        more: end !== old.at(-1) || old.length === limit,
      }
    })
  }
}
