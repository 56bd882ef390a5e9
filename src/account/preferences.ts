import { lexToJson } from '@atproto/lexicon'
import { error } from '../xrpc/errors.ts'
import type { Sql } from './db/sql.ts'

/** A private preference: an object whose `$type` is in the namespace `app.bsky`. */
export interface Preference {
  $type: string
  [key: string]: unknown
}

/** The account's private state: `app.bsky.actor` preferences, kept in the order in which they were put. */
export interface Preferences {
  get(): Preference[]
  /** Replaces all of them. */
  put(preferences: readonly { $type: string }[]): void
  count(): number
}

/** In characters of its JSON. */
const MAX_PREFERENCE_LENGTH = 512 * 1024

/** The row of a preference; throws `InvalidRequest` where it is not one, or is too large. */
const rowOf = (preference: { $type: string }): { type: string; value: string } => {
  const type: unknown = preference.$type
  if (typeof type !== 'string' || !type.startsWith('app.bsky.'))
    throw error('InvalidRequest', 'a preference must have a $type in app.bsky')
  // Links, bytes and blobs are classes here: as JSON they have the form that the client sent.
  const value = JSON.stringify(lexToJson(preference as Parameters<typeof lexToJson>[0]))
  if (value.length > MAX_PREFERENCE_LENGTH)
    throw error('InvalidRequest', `the preference ${type} is too large`)
  return { type, value }
}

export const createPreferences = ({ sql }: { sql: Sql }): Preferences => ({
  get: () =>
    sql
      .all<{ value: string }>('SELECT value FROM preference ORDER BY n')
      .map((row) => JSON.parse(row.value) as Preference),
  put: (preferences) => {
    const rows = preferences.map(rowOf)
    sql.transaction(() => {
      sql.run('DELETE FROM preference')
      rows.forEach(({ type, value }, n) =>
        sql.run('INSERT INTO preference (n, type, value) VALUES (?, ?, ?)', n, type, value),
      )
    })
  },
  count: () => sql.first<{ count: number }>('SELECT count(*) AS count FROM preference')?.count ?? 0,
})
