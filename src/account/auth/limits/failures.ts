import type { Platform } from '../../../platform.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import type { RateLimits } from './rateLimits.ts'

/** What was tried in vain: counted for `pds status`, and journalled only so often that strangers cannot fill the journal. */
export interface Failures {
  /** A sign-in failed: the password, the identifier or the admin password was wrong. */
  signIn(why: 'password' | 'identifier' | 'admin password'): void
  /** A token was refused, and not because it has expired or its session has ended. `code` says why. */
  token(code: string): void
  /** The owner signed in with the account password: failed sign-ins are counted from here on. */
  signedIn(): void
  counts(): FailureCounts
}

export interface FailureCounts {
  /** Failed sign-ins since the owner last signed in. */
  signInsInARow: number
  /** The last of them, in milliseconds. */
  lastAt: number | undefined
  /** Tokens that were refused in the last day; those beyond a thousand are not counted. */
  refusedTokens: number
}

export interface FailuresDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  journal: Journal
  rateLimits: Pick<RateLimits, 'mayNote' | 'countRefusedToken' | 'refusedTokens'>
}

/** Kept among the counters of the rate limits: `window_start` is the last failure, in seconds, `used` their number. */
const KEY = 'failed-in-a-row'

export const createFailures = ({ sql, platform, journal, rateLimits }: FailuresDeps): Failures => ({
  signIn: (why) =>
    sql.transaction(() => {
      sql.run(
        `INSERT INTO rate (key, window_start, used) VALUES (?, ?, 1)
         ON CONFLICT (key) DO UPDATE SET window_start = excluded.window_start, used = used + 1`,
        KEY,
        Math.floor(platform.now() / 1000),
      )
      const kind = why === 'admin password' ? 'admin' : 'password'
      if (rateLimits.mayNote(kind)) journal.append('failed-sign-in', { why })
    }),
  token: (code) =>
    sql.transaction(() => {
      rateLimits.countRefusedToken()
      if (rateLimits.mayNote('token')) journal.append('refused-token', { why: code })
    }),
  signedIn: () => void sql.run('DELETE FROM rate WHERE key = ?', KEY),
  counts: () => {
    const row = sql.first<{ at: number; used: number }>(
      'SELECT window_start AS at, used FROM rate WHERE key = ?',
      KEY,
    )
    return {
      signInsInARow: row?.used ?? 0,
      lastAt: row && row.at * 1000,
      refusedTokens: rateLimits.refusedTokens(),
    }
  },
})
