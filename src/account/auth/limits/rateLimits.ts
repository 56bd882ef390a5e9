import type { Platform } from '../../../platform.ts'
import { createMemoryLimit } from '../../../memoryLimit.ts'
import { tooMany, type UsedUp } from '../../../tooMany.ts'
import type { Sql } from '../../db/sql.ts'
import type { KnownNetworks } from './knownNetworks.ts'

/** How often the account's operations may be repeated. The methods without a result throw `RateLimitExceeded`. */
export interface RateLimits {
  /**
   * Counts a sign-in: among those of its network, and among all where the owner has not signed in from it yet. With a
   * right app password (`byApp`) it counts for its network only.
   */
  signIn(network?: string, byApp?: boolean): void
  /** Checks that this network may try another admin password. */
  assertMayTryAdmin(network?: string): void
  /** Counts a wrong admin password. */
  wrongAdmin(network?: string): void
  /** Counts a new migration token. */
  mint(): void
  /** Counts a change of the handle. */
  updateHandle(): void
  /** Counts writes, in the points that the reference PDS gives each action. */
  write(action: keyof typeof WRITE_POINTS, writes: number): void
  /** Counts an upload of a blob, for its network. */
  upload(network?: string): void
  /** Counts something that strangers can cause, and returns whether it may be written into the journal. */
  mayNote(kind: keyof typeof NOTE_LIMITS): boolean
  /** Counts a refused token; returns nothing, since it refuses nothing. */
  countRefusedToken(): void
  /** How many tokens were refused in the last day, at most `MAX_REFUSED_TOKENS`. */
  refusedTokens(): number
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
  /** How many blobs one network may upload in a day, 0 for any number; by default as many as in the reference PDS. */
  uploadsPerDay?: number
  knownNetworks: Pick<KnownNetworks, 'has'>
}

interface Limit {
  /** The key of the row that counts; one for each limit. */
  key: string
  /** How many are allowed in a window. */
  max: number
  windowSeconds: number
}

/** A limit, and how far its window is used up. Times are in seconds. */
interface Counter extends Limit, UsedUp {
  start: number
}

const MINUTE_S = 60
const HOUR_S = 60 * MINUTE_S
const DAY_S = 24 * HOUR_S

const SIGN_IN_LIMITS: readonly Limit[] = [
  { key: 'sign-in', max: 30, windowSeconds: 5 * MINUTE_S },
  { key: 'sign-in-day', max: 300, windowSeconds: DAY_S },
]
/** For all networks together, the limits are ten times as high. */
const ofAll = (limits: readonly Limit[]): readonly Limit[] =>
  limits.map(({ key, max, windowSeconds }) => ({ key: `${key}-all`, max: 10 * max, windowSeconds }))
const ALL_SIGN_INS_LIMITS: readonly Limit[] = ofAll(SIGN_IN_LIMITS)
const MINT_LIMITS: readonly Limit[] = [{ key: 'mint', max: 10, windowSeconds: HOUR_S }]
/** Those of the reference PDS: each change may be an operation in the PLC directory. */
const HANDLE_LIMITS: readonly Limit[] = [
  { key: 'handle', max: 10, windowSeconds: 5 * MINUTE_S },
  { key: 'handle-day', max: 50, windowSeconds: DAY_S },
]
/** In points. The factor of the day is that of the reference PDS. */
const writeLimits = (pointsPerHour: number): readonly Limit[] => [
  { key: 'write', max: pointsPerHour, windowSeconds: HOUR_S },
  { key: 'write-day', max: 7 * pointsPerHour, windowSeconds: DAY_S },
]
const WRITE_POINTS = { create: 3, update: 2, put: 2, delete: 1 } as const
/**
 * Wrong admin passwords. More at once than sign-ins: a password that is wrong in a script comes with every request, and
 * one of 16 characters is not guessed. As many in a day: each writes five rows, of 100,000 that a free account has.
 */
const ADMIN_LIMITS: readonly Limit[] = [
  { key: 'admin', max: 100, windowSeconds: 5 * MINUTE_S },
  { key: 'admin-day', max: 300, windowSeconds: DAY_S },
]
const ALL_ADMIN_LIMITS: readonly Limit[] = ofAll(ADMIN_LIMITS)
/** How much of what strangers cause is written into the journal: they must not be able to fill it. */
const NOTE_LIMITS = {
  admin: [{ key: 'admin-notes', max: 10, windowSeconds: HOUR_S }],
  password: [{ key: 'password-notes', max: 10, windowSeconds: HOUR_S }],
  token: [{ key: 'token-notes', max: 10, windowSeconds: DAY_S }],
} as const satisfies Record<string, readonly Limit[]>
/** The same for refused calls of createAccount: a stranger's token must not hide that a genuine one came without the password. */
const CREATE_FAILURE_LIMITS = {
  token: [{ key: 'create-token-notes', max: 10, windowSeconds: HOUR_S }],
  password: [{ key: 'create-password-notes', max: 10, windowSeconds: HOUR_S }],
} as const

/** More are not counted: each is a row written, and rows are billed. */
const MAX_REFUSED_TOKENS = 1000
const REFUSED_TOKEN_LIMIT: Limit = { key: 'refused-tokens', max: MAX_REFUSED_TOKENS, windowSeconds: DAY_S }

/**
 * Fixed windows. Those that strangers can use up are counted in the account's database, so that they outlive the object.
 */
export const createRateLimits = (deps: RateLimitsDeps): RateLimits => {
  const { sql, platform, knownNetworks, writePointsPerHour = 5000, uploadsPerDay = 1000 } = deps
  const ofWrites = writeLimits(writePointsPerHour)
  // In memory: only the owner uploads, and a row for each would be billed.
  const { now } = platform
  const uploads = createMemoryLimit({ now, max: uploadsPerDay, windowSeconds: DAY_S })

  /** Where the windows of these limits are. */
  const read = (limits: readonly Limit[]): Counter[] => {
    const nowSeconds = Math.floor(platform.now() / 1000)
    return limits.map((limit) => {
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
  }

  const exceededBy = (cost: number, counters: readonly Counter[]): Counter | undefined =>
    counters.find(({ used, max }) => used + cost > max)

  /** Adds `cost` to every limit; or adds nothing and returns the limit that is exceeded. */
  const count = (limits: readonly Limit[], cost: number): Counter | undefined => {
    const counters = read(limits)
    const exceeded = exceededBy(cost, counters)
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
    if (exceeded) throw tooMany(what, exceeded, platform.now())
  }

  /**
   * Rows older than a day go, so there are never many more rows than attempts allowed in a day. Once an hour: it reads
   * all of them, and strangers cause attempts, also those that are refused.
   */
  let forgottenAt = -Infinity
  const forgetOld = (): void => {
    const nowSeconds = Math.floor(platform.now() / 1000)
    if (Math.abs(nowSeconds - forgottenAt) < HOUR_S) return
    forgottenAt = nowSeconds
    const ofNetworks = `(key LIKE 'sign-in%@%' OR key LIKE 'admin%@%')`
    sql.run(
      `UPDATE rate SET window_start = ? WHERE ${ofNetworks} AND window_start > ?`,
      nowSeconds,
      nowSeconds,
    )
    sql.run(`DELETE FROM rate WHERE ${ofNetworks} AND window_start <= ?`, nowSeconds - DAY_S)
  }

  /** The network's own limits, and those of all: strangers who guess must not shut out a network that is known. */
  const limitsOf = (network: string, own: readonly Limit[], ofAll: readonly Limit[]): readonly Limit[] => [
    ...own.map((limit) => ({ ...limit, key: `${limit.key}@${network}` })),
    ...(knownNetworks.has(network) ? [] : ofAll),
  ]

  return {
    signIn: (network = '', byApp = false) => {
      forgetOld()
      // As for the admin: nobody guesses an app password, so what strangers used up must not turn the right one away.
      take('sign-ins', limitsOf(network, SIGN_IN_LIMITS, byApp ? [] : ALL_SIGN_INS_LIMITS))
    },
    assertMayTryAdmin: (network = '') => {
      // The network's own limits only: what strangers used up must not turn the right password away. It has at least
      // 16 characters and comparing costs next to nothing; beyond the limit of all, `wrongAdmin` refuses the wrong ones.
      const exceeded = exceededBy(1, read(limitsOf(network, ADMIN_LIMITS, [])))
      if (exceeded) throw tooMany('wrong admin passwords', exceeded, platform.now())
    },
    wrongAdmin: (network = '') => {
      forgetOld()
      take('wrong admin passwords', limitsOf(network, ADMIN_LIMITS, ALL_ADMIN_LIMITS))
    },
    mint: () => take('new migration tokens', MINT_LIMITS),
    updateHandle: () => take('changes of the handle', HANDLE_LIMITS),
    write: (action, writes) => take('writes', ofWrites, WRITE_POINTS[action] * writes),
    upload: (network = '') => {
      const usedUp = uploads.take(network)
      if (usedUp) throw tooMany('uploads', usedUp, now())
    },
    mayNote: (kind) => sql.transaction(() => count(NOTE_LIMITS[kind], 1) === undefined),
    countRefusedToken: () => void sql.transaction(() => count([REFUSED_TOKEN_LIMIT], 1)),
    refusedTokens: () => read([REFUSED_TOKEN_LIMIT])[0]?.used ?? 0,
    countCreateFailure: (why) => sql.transaction(() => count(CREATE_FAILURE_LIMITS[why], 1) === undefined),
  }
}
