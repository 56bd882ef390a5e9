import { createHash } from 'node:crypto'
import { canonicalJson } from '../canonicalJson.ts'
import type { Platform } from '../platform.ts'
import type { Sql } from './db/sql.ts'

/** What may stand in a journal row. Never a secret, a token or a password. */
export type JournalDetail = { [key: string]: JournalValue }
type JournalValue = string | number | boolean | null | JournalValue[] | { [key: string]: JournalValue }

export interface JournalEntry {
  n: number
  at: number
  event: string
  detail: JournalDetail
  prev: string
  hash: string
}

type Row = { n: number; at: number; event: string; detail: string; prev: string; hash: string }

const GENESIS = '0'.repeat(64)
const PAGE = 500
/** The one event that strangers can cause. */
const FAILED = 'failed-sign-in'

const chain = (prev: string, n: number, at: number, event: string, detail: string): string =>
  createHash('sha256')
    .update(`${prev}\n${n}\n${at}\n${JSON.stringify(event)}\n${detail}`)
    .digest('hex')

/** What happened to the account: rows chained by hash, so that none can be changed or taken out unseen. */
export class Journal {
  readonly #sql: Sql
  readonly #platform: Pick<Platform, 'now'>

  constructor(sql: Sql, platform: Pick<Platform, 'now'>) {
    this.#sql = sql
    this.#platform = platform
  }

  /** Part of the transaction that makes it true. */
  append(event: string, detail: JournalDetail = {}): JournalEntry {
    this.#sql.assertTransaction()
    const last = this.#sql.first<{ n: number; hash: string }>(
      'SELECT n, hash FROM journal ORDER BY n DESC LIMIT 1',
    )
    const [n, prev, at] = [(last?.n ?? 0) + 1, last?.hash ?? GENESIS, this.#platform.now()]
    const text = canonicalJson(detail)
    const hash = chain(prev, n, at, event, text)
    this.#sql.run(
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

  /** Newest first; `cursor` is the last `n` that the caller has seen. */
  page(options: { cursor?: number; limit: number }): { entries: JournalEntry[]; cursor?: number } {
    const rows = this.#sql.all<Row>(
      'SELECT n, at, event, detail, prev, hash FROM journal WHERE n < ? ORDER BY n DESC LIMIT ?',
      options.cursor ?? Number.MAX_SAFE_INTEGER,
      options.limit,
    )
    const entries = rows.map((row) => ({ ...row, detail: JSON.parse(row.detail) as JournalDetail }))
    const last = entries.at(-1)
    return last && entries.length === options.limit && last.n > 1 ? { entries, cursor: last.n } : { entries }
  }

  /**
   * The latest, newest first. Failed sign-ins in a row are one entry, the last of them, with `times`: whoever
   * guesses passwords must not push out what the owner has to see.
   */
  recent(limit: number): Pick<JournalEntry, 'at' | 'event' | 'detail'>[] {
    const own = this.#sql.all<Row>(
      `SELECT n, at, event, detail FROM journal WHERE event <> '${FAILED}' ORDER BY n DESC LIMIT ?`,
      limit,
    )
    const entries: Pick<JournalEntry, 'at' | 'event' | 'detail'>[] = []
    let above = (this.#sql.first<{ n: number | null }>('SELECT max(n) AS n FROM journal')?.n ?? 0) + 1
    // No number is left out, so what lies between two of these rows are failed sign-ins.
    for (const row of [...own, undefined]) {
      const times = above - 1 - (row?.n ?? 0)
      const [last] = times > 0 ? this.page({ cursor: above, limit: 1 }).entries : []
      if (last) entries.push({ ...last, detail: { ...last.detail, times } })
      if (!row || entries.length >= limit) break
      entries.push({ ...row, detail: JSON.parse(row.detail) as JournalDetail })
      above = row.n
    }
    return entries.slice(0, limit)
  }

  /** Recomputes the chain from its beginning. */
  verify(): { ok: boolean; entries: number; problem?: string } {
    let [n, prev] = [0, GENESIS]
    for (;;) {
      const rows = this.#sql.all<Row>(
        'SELECT n, at, event, detail, prev, hash FROM journal WHERE n > ? ORDER BY n LIMIT ?',
        n,
        PAGE,
      )
      for (const row of rows) {
        const broken = (problem: string) => ({ ok: false, entries: n, problem: `row ${row.n}: ${problem}` })
        if (row.n !== n + 1) return broken(`follows row ${n}`)
        if (row.prev !== prev) return broken('does not name the hash of the row before it')
        if (row.hash !== chain(prev, row.n, row.at, row.event, row.detail))
          return broken('its hash does not match')
        n = row.n
        prev = row.hash
      }
      if (rows.length < PAGE) return { ok: true, entries: n }
    }
  }
}
