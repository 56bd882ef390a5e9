import { docsLink } from './docsLink.ts'
import { error } from './xrpc/errors.ts'

/** A window that is used up. Times are in seconds. */
export interface UsedUp {
  /** How many are allowed in a window. */
  max: number
  windowSeconds: number
  used: number
  /** When the window ends, since the epoch. */
  reset: number
}

/**
 * `RateLimitExceeded`. Only this refusal has `ratelimit-*` headers: on other answers they would make a migration tool
 * believe that it must wait.
 */
export const tooMany = (what: string, { max, windowSeconds, used, reset }: UsedUp, nowMs: number) => {
  const seconds = Math.max(1, Math.ceil(reset - nowMs / 1000))
  return error(
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
