import { formatTid, MAX_REV_AHEAD_MS, parseTid } from '../../repo/tid.ts'
import { XrpcError } from '../../xrpc/errors.ts'
import { raiseRevFloor as storeFloor, readRevFloor } from '../db/accountRow.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

/**
 * Has every revision from now on be above this one, which another server has given to the account: relays ignore what is
 * not above the last that they know. Returns the floor, which never goes down. May be repeated.
 */
export const raiseRevFloor = ({ sql, platform, journal }: LifecycleDeps, rev: string): string => {
  const latest = formatTid((Math.floor(platform.now()) + MAX_REV_AHEAD_MS) * 1000)
  if (rev > latest)
    throw new XrpcError(
      'RevInFuture',
      `rev: ${rev} is the time ${new Date(Math.floor(parseTid(rev).micros / 1000)).toISOString()}, more than five minutes from now: relays would refuse what is above it`,
    )
  return sql.transaction(() => {
    const before = readRevFloor(sql)
    if (before !== undefined && before >= rev) return before
    storeFloor(sql, rev)
    journal.append('raise-rev', { rev })
    return rev
  })
}
