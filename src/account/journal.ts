import { createHash } from 'node:crypto'
import { canonicalJson } from '../canonicalJson.ts'
import type { Platform } from '../platform.ts'
import type { Sql } from './db/sql.ts'

/** What a journal row may say besides its event. Never a secret, a token or a password. */
export type JournalDetail = { [key: string]: JournalValue }
type JournalValue = string | number | boolean | null | JournalValue[] | { [key: string]: JournalValue }

export interface JournalEntry {
  /** Counts from 1 without gaps. */
  n: number
  /** Milliseconds since 1970. */
  at: number
  event: string
  detail: JournalDetail
  /** The hash of the row before this one. */
  prev: string
  hash: string
}

type RecentEntry = Pick<JournalEntry, 'at' | 'event' | 'detail'>

/** What happened to the account: rows chained by hash, so that none can be changed or removed without a trace. */
export interface Journal {
  /** Adds a row, in the transaction that makes it true. */
  append(event: string, detail?: JournalDetail): JournalEntry
  /** A page, newest first; `cursor` is the `n` of the last entry of the page before. */
  page(options: { cursor?: number; limit: number }): { entries: JournalEntry[]; cursor?: number }
  /**
   * The latest entries, newest first. What strangers can cause (failed sign-ins, refused tokens and calls of createAccount) is one
   * entry for each kind in a row, the last of them, with `times`: it must not push out what the owner has to see.
   */
  recent(limit: number): RecentEntry[]
  /** Whether a row of this event, later than `after` (milliseconds), has this value under this key of its detail. */
  has(row: { event: string; key: string; value: string; after: number }): boolean
  /** Whether there is a row of one of these events that is later than `after` (milliseconds). */
  hasAny(events: readonly string[], after: number): boolean
  /** Computes the chain again from its beginning; `entries` is how many rows are right. */
  verify(): { ok: boolean; entries: number; problem?: string }
}

export interface JournalDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
}

type Row = { n: number; at: number; event: string; detail: string; prev: string; hash: string }

/** What the first row has as the hash before it. */
const GENESIS = '0'.repeat(64)
/** Rows read at once when the chain is verified. */
const PAGE_ROWS = 500
/** The events that strangers can cause. */
const FAILED_EVENTS = `('failed-sign-in', 'failed-create-account', 'refused-token')`

const hashOf = ({ prev, n, at, event, detail }: Omit<Row, 'hash'>): string =>
  createHash('sha256')
    .update(`${prev}\n${n}\n${at}\n${JSON.stringify(event)}\n${detail}`)
    .digest('hex')

const entryOf = (row: Row): JournalEntry => ({ ...row, detail: JSON.parse(row.detail) as JournalDetail })

export const createJournal = ({ sql, platform }: JournalDeps): Journal => {
  const append = (event: string, detail: JournalDetail = {}): JournalEntry => {
    sql.assertTransaction()
    const last = sql.first<{ n: number; hash: string }>('SELECT n, hash FROM journal ORDER BY n DESC LIMIT 1')
    const [n, prev, at] = [(last?.n ?? 0) + 1, last?.hash ?? GENESIS, platform.now()]
    const text = canonicalJson(detail)
    const hash = hashOf({ prev, n, at, event, detail: text })
    sql.run(
      'INSERT INTO journal (n, at, event, detail, prev, hash) VALUES (?, ?, ?, ?, ?, ?)',
      n,
      at,
      event,
      text,
      prev,
      hash,
    )
    return { n, at, event, detail, prev, hash }
  }

  const page: Journal['page'] = ({ cursor, limit }) => {
    const rows = sql.all<Row>(
      'SELECT n, at, event, detail, prev, hash FROM journal WHERE n < ? ORDER BY n DESC LIMIT ?',
      cursor ?? Number.MAX_SAFE_INTEGER,
      limit,
    )
    const entries = rows.map(entryOf)
    const last = entries.at(-1)
    return last && entries.length === limit && last.n > 1 ? { entries, cursor: last.n } : { entries }
  }

  /** The last row of each event between two others, newest first, with how many there are. */
  const lastOfEach = (below: number, above: number): RecentEntry[] =>
    sql
      .all<{ n: number; times: number }>(
        `SELECT max(n) AS n, count(*) AS times FROM journal WHERE n > ? AND n < ? GROUP BY event ORDER BY 1 DESC`,
        below,
        above,
      )
      .flatMap(({ n, times }) =>
        page({ cursor: n + 1, limit: 1 }).entries.map((last) => ({
          ...last,
          detail: { ...last.detail, times },
        })),
      )

  const recent = (limit: number): RecentEntry[] => {
    const rows = sql.all<Row>(
      `SELECT n, at, event, detail FROM journal WHERE event NOT IN ${FAILED_EVENTS} ORDER BY n DESC LIMIT ?`,
      limit,
    )
    const entries: RecentEntry[] = []
    let above = (sql.first<{ n: number | null }>('SELECT max(n) AS n FROM journal')?.n ?? 0) + 1
    // No number is left out, so the rows between two of these are strangers'.
    for (const row of [...rows, undefined]) {
      const below = row?.n ?? 0
      if (above - below > 1) entries.push(...lastOfEach(below, above))
      if (!row || entries.length >= limit) break
      entries.push(entryOf(row))
      above = row.n
    }
    return entries.slice(0, limit)
  }

  const has: Journal['has'] = ({ event, key, value, after }) =>
    sql.first(
      `SELECT 1 AS yes FROM journal WHERE event = ? AND json_extract(detail, '$.' || ?) = ? AND at > ?`,
      event,
      key,
      value,
      after,
    ) !== undefined

  const hasAny: Journal['hasAny'] = (events, after) =>
    sql.first(
      'SELECT 1 AS yes FROM journal WHERE at > ? AND event IN (SELECT value FROM json_each(?)) LIMIT 1',
      after,
      JSON.stringify(events),
    ) !== undefined

  const verify: Journal['verify'] = () => {
    let [n, prev] = [0, GENESIS]
    for (;;) {
      const rows = sql.all<Row>(
        'SELECT n, at, event, detail, prev, hash FROM journal WHERE n > ? ORDER BY n LIMIT ?',
        n,
        PAGE_ROWS,
      )
      for (const row of rows) {
        const broken = (problem: string) => ({ ok: false, entries: n, problem: `row ${row.n}: ${problem}` })
        if (row.n !== n + 1) return broken(`follows row ${n}`)
        if (row.prev !== prev) return broken('does not name the hash of the row before it')
        if (row.hash !== hashOf(row)) return broken('its hash does not match')
        n = row.n
        prev = row.hash
      }
      if (rows.length < PAGE_ROWS) return { ok: true, entries: n }
    }
  }

  return { append, page, recent, has, hasAny, verify }
}
