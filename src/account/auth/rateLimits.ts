import type { Platform } from '../../platform.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { Sql } from '../db/sql.ts'

/** How often the account's operations may be repeated. Each method but `count…Failure` throws `RateLimitExceeded`. */
export interface RateLimits {
  /** Counts a sign-in: among those of its network, and among all. */
  signIn(network?: string): void
  /** Counts a new migration token. */
  mint(): void
  /** Counts writes, in the points that the reference PDS gives each action. */
  write(action: keyof typeof WRITE_POINTS, writes: number): void
  /** Counts a failed admin sign-in, and returns whether it may be written into the journal. */
  countAdminFailure(): boolean
  /**
   * Counts a createAccount that was refused for its token or its password, and returns whether it may be written into
   * the journal.
   */
  countCreateFailure(why: 'token' | 'password'): boolean
}

export interface RateLimitsDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  /** The points of writes that are allowed in an hour; by default as many as in the reference PDS. */
  writePointsPerHour?: number
}

interface Limit {
  /** The key of the row that counts; one for each limit. */
  key: string
  /** How many are allowed in a window. */
  max: number
  windowSeconds: number
}

const MINUTE_S = 60
const HOUR_S = 60 * MINUTE_S
const DAY_S = 24 * HOUR_S

const SIGN_IN_LIMITS: readonly Limit[] = [
  { key: 'sign-in', max: 30, windowSeconds: 5 * MINUTE_S },
  { key: 'sign-in-day', max: 300, windowSeconds: DAY_S },
]
/** For all networks together, the limits are ten times as high: a stranger who guesses passwords must not shut out the owner. */
const ALL_SIGN_INS_LIMITS: readonly Limit[] = SIGN_IN_LIMITS.map(({ key, max, windowSeconds }) => ({
  key: `${key}-all`,
  max: 10 * max,
  windowSeconds,
}))
const MINT_LIMITS: readonly Limit[] = [{ key: 'mint', max: 10, windowSeconds: HOUR_S }]
/** In points. The factor of the day is that of the reference PDS. */
const writeLimits = (pointsPerHour: number): readonly Limit[] => [
  { key: 'write', max: pointsPerHour, windowSeconds: HOUR_S },
  { key: 'write-day', max: 7 * pointsPerHour, windowSeconds: DAY_S },
]
const WRITE_POINTS = { create: 3, update: 2, put: 2, delete: 1 } as const
/** How many failed admin sign-ins are written into the journal: strangers must not be able to fill it. */
const ADMIN_FAILURE_LIMITS: readonly Limit[] = [{ key: 'admin-notes', max: 10, windowSeconds: HOUR_S }]
/** The same for refused calls of createAccount: a stranger's token must not hide that a genuine one came without the password. */
const CREATE_FAILURE_LIMITS = {
  token: [{ key: 'create-token-notes', max: 10, windowSeconds: HOUR_S }],
  password: [{ key: 'create-password-notes', max: 10, windowSeconds: HOUR_S }],
} as const

/**
 * Fixed windows, counted in the account's database, so that they outlive the object. Only the answer that refuses
 * has `ratelimit-*` headers: on other answers they would make a migration tool slow down too early.
 */
export const createRateLimits = (deps: RateLimitsDeps): RateLimits => {
  const { sql, platform, writePointsPerHour = 5000 } = deps
  const ofWrites = writeLimits(writePointsPerHour)

  /** Adds `cost` to every limit; or adds nothing and returns the limit that is exceeded. */
  const count = (
    limits: readonly Limit[],
    cost: number,
  ): (Limit & { used: number; reset: number }) | undefined => {
    const nowSeconds = Math.floor(platform.now() / 1000)
    const counters = limits.map((limit) => {
      // If the clock has gone back, the window counts on, and ends when its length has passed from now on.
      sql.run(
        'UPDATE rate SET window_start = ? WHERE key = ? AND window_start > ?',
        nowSeconds,
        limit.key,
        nowSeconds,
      )
      const row = sql.first<{ window_start: number; used: number }>(
        'SELECT window_start, used FROM rate WHERE key = ?',
        limit.key,
      )
      const isNew = !row || row.window_start + limit.windowSeconds <= nowSeconds
      const start = isNew ? nowSeconds : row.window_start
      return { ...limit, start, used: isNew ? 0 : row.used, reset: start + limit.windowSeconds }
    })
    const exceeded = counters.find(({ used, max }) => used + cost > max)
    if (exceeded) return exceeded
    for (const { key, start, used } of counters)
      sql.run(
        `INSERT INTO rate (key, window_start, used) VALUES (?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET window_start = excluded.window_start, used = excluded.used`,
        key,
        start,
        used + cost,
      )
    return undefined
  }

  /** Adds `cost` to every limit, or adds nothing and throws `RateLimitExceeded`. */
  const take = (what: string, limits: readonly Limit[], cost = 1): void => {
    const exceeded = sql.transaction(() => count(limits, cost))
    if (!exceeded) return
    const { max, windowSeconds, used, reset } = exceeded
    const seconds = Math.max(1, Math.ceil(reset - platform.now() / 1000))
    throw error(
      'RateLimitExceeded',
      `too many ${what}: at most ${max} in ${windowSeconds} seconds; try again in ${seconds} seconds. ${docsLink('rate-limit')}`,
      {
        'ratelimit-limit': String(max),
        'ratelimit-remaining': String(Math.max(0, max - used)),
        'ratelimit-reset': String(Math.ceil(reset)),
        'ratelimit-policy': `${max};w=${windowSeconds}`,
        'retry-after': String(seconds),
      },
    )
  }

  return {
    signIn: (network = '') => {
      // Rows older than a day go, so there are never more rows than sign-ins allowed in a day.
      const nowSeconds = Math.floor(platform.now() / 1000)
      sql.run(
        `UPDATE rate SET window_start = ? WHERE key LIKE 'sign-in%@%' AND window_start > ?`,
        nowSeconds,
        nowSeconds,
      )
      sql.run(`DELETE FROM rate WHERE key LIKE 'sign-in%@%' AND window_start <= ?`, nowSeconds - DAY_S)
      const ofNetwork = SIGN_IN_LIMITS.map((limit) => ({ ...limit, key: `${limit.key}@${network}` }))
      take('sign-ins', [...ofNetwork, ...ALL_SIGN_INS_LIMITS])
    },
    mint: () => take('new migration tokens', MINT_LIMITS),
    write: (action, writes) => take('writes', ofWrites, WRITE_POINTS[action] * writes),
    countAdminFailure: () => sql.transaction(() => count(ADMIN_FAILURE_LIMITS, 1) === undefined),
    countCreateFailure: (why) => sql.transaction(() => count(CREATE_FAILURE_LIMITS[why], 1) === undefined),
  }
}
