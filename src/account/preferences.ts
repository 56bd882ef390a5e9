import { lexToJson } from '@atproto/lexicon'
import { error } from '../xrpc/errors.ts'
import type { Sql } from './db/sql.ts'

/** A private preference: an object of the namespace `app.bsky` with a `$type`. */
export interface Preference {
  $type: string
  [key: string]: unknown
}

const MAX_PREFERENCE = 512 * 1024

/** The account's private state: `app.bsky.actor` preferences, kept in the order they were put. */
export class Preferences {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  get(): Preference[] {
    return this.#sql
      .all<{ value: string }>('SELECT value FROM preference ORDER BY n')
      .map((row) => JSON.parse(row.value) as Preference)
  }

  /** Replaces them all. */
  put(preferences: readonly { $type: string }[]): void {
    const rows = preferences.map((preference) => {
      const type: unknown = preference.$type
      if (typeof type !== 'string' || !type.startsWith('app.bsky.')) {
        throw error('InvalidRequest', 'a preference must have a $type in app.bsky')
      }
      // Links, bytes and blobs are classes here: the text keeps the form that the client sent.
      const value = JSON.stringify(lexToJson(preference as Parameters<typeof lexToJson>[0]))
      if (value.length > MAX_PREFERENCE) throw error('InvalidRequest', `the preference ${type} is too large`)
      return { type, value }
    })
    this.#sql.transaction(() => {
      this.#sql.run('DELETE FROM preference')
      rows.forEach(({ type, value }, n) =>
        this.#sql.run('INSERT INTO preference (n, type, value) VALUES (?, ?, ?)', n, type, value),
      )
    })
  }

  count(): number {
    return this.#sql.first<{ count: number }>('SELECT count(*) AS count FROM preference')?.count ?? 0
  }
}
