import { docsLink } from '../../docsLink.ts'
import { fault } from '../../fault.ts'
import { error, type XrpcError } from '../../xrpc/errors.ts'
import { setFencedUntil } from '../db/accountRow.ts'
import { type FenceDeps, fencedUntil } from '../db/fencedUntil.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

/**
 * The refusal of a write behind the fence. Apps show its message, or say that the server has a problem and to try again
 * later; none takes it for the end of the session or of the account, as they do with what a deactivated one answers.
 */
const refusal = (until: number, now: number): XrpcError =>
  error(
    'NotEnoughResources',
    `this account is being moved, so nothing is written until ${new Date(until).toISOString()}: try again then. Nothing was changed. ${docsLink('writes-fenced')}`,
    { 'retry-after': String(Math.ceil((until - now) / 1000)) },
  )

export const assertNotFenced = (deps: FenceDeps): void => {
  const until = fencedUntil(deps)
  if (until !== undefined) throw refusal(until, deps.platform.now())
}

export interface FenceOptions {
  /** From now on; 0 lifts the fence. */
  minutes: number
  /** Since the epoch, in milliseconds: the fence does not last longer. A token fences as long as it is valid. */
  atMost?: number | undefined
}

const MINUTE_MS = 60_000

/**
 * Refuses writes for a while, so that a move copies the last of them. The account stays active: it is served and followed
 * as before, and nothing is announced. Returns until when; undefined if the fence was lifted.
 */
export const fenceWrites = (
  { sql, platform, journal }: LifecycleDeps,
  { minutes, atMost }: FenceOptions,
): number | undefined =>
  sql.transaction(() => {
    const wanted = platform.now() + minutes * MINUTE_MS
    const until = minutes === 0 ? undefined : Math.min(wanted, atMost ?? wanted)
    const before = fencedUntil({ sql, platform })
    setFencedUntil(sql, until)
    fault('fence.afterState')
    if (until !== undefined || before !== undefined)
      journal.append('fence', {
        until: until === undefined ? null : new Date(until).toISOString(),
        by: atMost === undefined ? 'owner' : 'token',
      })
    return until
  })
