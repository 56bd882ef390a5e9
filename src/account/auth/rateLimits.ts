/** How often something may be done: fixed windows, counted in the object so that they survive it. */
import type { Platform } from '../../platform.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { Sql } from '../db/sql.ts'

export interface Limit {
  /** The row that counts; one for each limit. */
  key: string
  limit: number
  /** Seconds. */
  window: number
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const SIGN_IN: readonly Limit[] = [
  { key: 'sign-in', limit: 30, window: 5 * MINUTE },
  { key: 'sign-in-day', limit: 300, window: DAY },
]
/** Of everybody together. One who does not know the password must not shut out the one who does. */
const SIGN_INS: readonly Limit[] = SIGN_IN.map(({ key, limit, window }) => ({
  key: `${key}-all`,
  limit: 10 * limit,
  window,
}))
const MINT: readonly Limit[] = [{ key: 'mint', limit: 10, window: HOUR }]
/** The reference's points. */
const WRITES: readonly Limit[] = [
  { key: 'write', limit: 5000, window: HOUR },
  { key: 'write-day', limit: 35_000, window: DAY },
]
const POINTS = { create: 3, update: 2, put: 2, delete: 1 } as const
/** How many wrong admin passwords are written into the journal: it must not be filled from outside. */
const ADMIN_NOTES: readonly Limit[] = [{ key: 'admin-notes', limit: 10, window: HOUR }]

/** The counters. Only the answer that refuses carries `ratelimit-*`, so that no mover holds back before. */
export class RateLimits {
  readonly #sql: Sql
  readonly #platform: Pick<Platform, 'now'>

  constructor(sql: Sql, platform: Pick<Platform, 'now'>) {
    this.#sql = sql
    this.#platform = platform
  }

  /** By the network that it comes from. There are no more rows than there may be sign-ins in a day. */
  signIn(network = ''): void {
    const today = Math.floor(this.#platform.now() / 1000) - DAY
    this.#sql.run(`DELETE FROM rate WHERE key LIKE 'sign-in%@%' AND window_start <= ?`, today)
    const own = SIGN_IN.map((limit) => ({ ...limit, key: `${limit.key}@${network}` }))
    this.take('sign-ins', [...own, ...SIGN_INS])
  }

  mint(): void {
    this.take('new migration tokens', MINT)
  }

  write(action: keyof typeof POINTS, count: number): void {
    this.take('writes', WRITES, POINTS[action] * count)
  }

  /** Whether one more failed admin sign-in may be written down. */
  noteAdminFailure(): boolean {
    return this.#sql.transaction(() => this.#spent(ADMIN_NOTES, 1) === undefined)
  }

  /** Takes `cost` out of every limit, or nothing and `RateLimitExceeded`. */
  take(what: string, limits: readonly Limit[], cost = 1): void {
    const spent = this.#sql.transaction(() => this.#spent(limits, cost))
    if (!spent) return
    const { limit, window, used, reset } = spent
    const seconds = Math.max(1, Math.ceil(reset - this.#platform.now() / 1000))
    throw error(
      'RateLimitExceeded',
      `too many ${what}: at most ${limit} in ${window} seconds; try again in ${seconds} seconds. ${docsLink('rate-limit')}`,
      {
        'ratelimit-limit': String(limit),
        'ratelimit-remaining': String(Math.max(0, limit - used)),
        'ratelimit-reset': String(Math.ceil(reset)),
        'ratelimit-policy': `${limit};w=${window}`,
        'retry-after': String(seconds),
      },
    )
  }

  #spent(limits: readonly Limit[], cost: number): (Limit & { used: number; reset: number }) | undefined {
    const now = Math.floor(this.#platform.now() / 1000)
    const counted = limits.map((limit) => {
      const row = this.#sql.first<{ window_start: number; used: number }>(
        'SELECT window_start, used FROM rate WHERE key = ?',
        limit.key,
      )
      const fresh = !row || row.window_start + limit.window <= now || row.window_start > now
      const start = fresh ? now : row.window_start
      return { ...limit, start, used: fresh ? 0 : row.used, reset: start + limit.window }
    })
    const over = counted.find(({ used, limit }) => used + cost > limit)
    if (over) return over
    for (const { key, start, used } of counted)
      this.#sql.run(
        `INSERT INTO rate (key, window_start, used) VALUES (?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET window_start = excluded.window_start, used = excluded.used`,
        key,
        start,
        used + cost,
      )
    return undefined
  }
}
