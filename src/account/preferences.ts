import { lexToJson } from '@atproto/lexicon'
import type { Platform } from '../platform.ts'
import { error } from '../xrpc/errors.ts'
import type { Sql } from './db/sql.ts'

/** A private preference: an object whose `$type` is in the namespace `app.bsky`. */
export interface Preference {
  $type: string
  [key: string]: unknown
}

export interface PreferencesOptions {
  /** Whether the caller sees and changes personal details. */
  personalDetails: boolean
}

/** The account's private state: `app.bsky.actor` preferences, kept in the order in which they were put. */
export interface Preferences {
  /** All that the caller may see, and the ages that the owner has reached, which everybody may know who asks. */
  get(options: PreferencesOptions): Preference[]
  /** Replaces all that the caller may see. */
  put(preferences: readonly { $type: string }[], options: PreferencesOptions): void
  count(): number
}

/** It has the owner's date of birth. */
const PERSONAL_DETAILS = 'app.bsky.actor.defs#personalDetailsPref'
/** Made from the personal details whenever preferences are read, and never stored. */
const DECLARED_AGE = 'app.bsky.actor.defs#declaredAgePref'

export interface PreferencesDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
}

/** In characters of its JSON. */
const MAX_PREFERENCE_LENGTH = 512 * 1024

type StoredPreference = { type: string; value: string }

/** The row of a preference; throws `InvalidRequest` where it is not one, or is too large. */
const rowOf = (preference: { $type: string }): StoredPreference => {
  const type: unknown = preference.$type
  if (typeof type !== 'string' || !type.startsWith('app.bsky.'))
    throw error('InvalidRequest', 'a preference must have a $type in app.bsky')
  // Links, bytes and blobs are classes here: as JSON they have the form that the client sent.
  const value = JSON.stringify(lexToJson(preference as Parameters<typeof lexToJson>[0]))
  if (value.length > MAX_PREFERENCE_LENGTH)
    throw error('InvalidRequest', `the preference ${type} is too large`)
  return { type, value }
}

/** In whole years; NaN if it is not a date. */
const ageOn = (now: Date, birthDate: string): number => {
  const birth = new Date(birthDate)
  const months =
    12 * (now.getUTCFullYear() - birth.getUTCFullYear()) + now.getUTCMonth() - birth.getUTCMonth()
  return Math.floor((months - (now.getUTCDate() < birth.getUTCDate() ? 1 : 0)) / 12)
}

const declaredAge = (age: number): Preference => ({
  $type: DECLARED_AGE,
  isOverAge13: age >= 13,
  isOverAge16: age >= 16,
  isOverAge18: age >= 18,
})

export const createPreferences = ({ sql, platform }: PreferencesDeps): Preferences => {
  const all = (): Preference[] =>
    sql
      .all<{ value: string }>('SELECT value FROM preference ORDER BY n')
      .map((row) => JSON.parse(row.value) as Preference)

  return {
    get: ({ personalDetails }) => {
      const preferences = all()
      const birthDate = preferences.find(({ $type }) => $type === PERSONAL_DETAILS)?.birthDate
      return [
        ...preferences.filter(({ $type }) => personalDetails || $type !== PERSONAL_DETAILS),
        ...(typeof birthDate === 'string' && birthDate !== ''
          ? [declaredAge(ageOn(new Date(platform.now()), birthDate))]
          : []),
      ]
    },
    put: (preferences, { personalDetails }) => {
      if (!personalDetails && preferences.some(({ $type }) => $type === PERSONAL_DETAILS))
        throw error(
          'InvalidRequest',
          `${PERSONAL_DETAILS} can be changed only in a session of the account password`,
        )
      // Clients put back what they got.
      const rows = preferences.filter(({ $type }) => $type !== DECLARED_AGE).map(rowOf)
      sql.transaction(() => {
        const kept = personalDetails
          ? []
          : sql.all<StoredPreference>('SELECT type, value FROM preference WHERE type = ?', PERSONAL_DETAILS)
        sql.run('DELETE FROM preference')
        ;[...kept, ...rows].forEach(({ type, value }, n) =>
          sql.run('INSERT INTO preference (n, type, value) VALUES (?, ?, ?)', n, type, value),
        )
      })
    },
    count: () => sql.first<{ count: number }>('SELECT count(*) AS count FROM preference')?.count ?? 0,
  }
}
