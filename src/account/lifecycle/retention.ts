import { docsLink } from '../../docsLink.ts'
import { fault } from '../../fault.ts'
import { XrpcError } from '../../xrpc/errors.ts'
import { setReleased, setVerified } from '../db/accountRow.ts'
import { readHead } from '../db/head.ts'
import { readRetention, type Retention } from '../db/retention.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

/** What a verification has found complete on the other PDS. */
export interface Verification {
  /** Origin of that PDS. */
  pds: string
  /** CID of the root of this server's tree, all of which is there. */
  data: string
  /** The hash of the statement of completeness. */
  digest?: string | undefined
}

const reasonOf = ({ pds, until, verified }: Retention, now: number): string =>
  [
    ...(now < until ? [`before ${new Date(until).toISOString()} the rotation may be taken back`] : []),
    ...(verified ? [] : [`it was not verified that everything is on ${pds || 'another PDS'}`]),
  ].join(', and ')

/** Throws while the retention lock holds: before anything is deleted or replaced, and again in its transaction. */
export const assertNotRetained = (deps: Pick<LifecycleDeps, 'sql' | 'platform'>): void => {
  const retention = readRetention(deps)
  if (retention)
    throw new XrpcError(
      'RetentionLocked',
      `what this server has of the account is kept for now: ${reasonOf(retention, deps.platform.now())}. The owner can give it up with the account's handle as confirmHandle. ${docsLink('retention-locked')}`,
    )
}

/** Throws unless this is the account's handle, which shows that its owner means this account. */
export const requireHandle = ({ handle }: Pick<LifecycleDeps, 'handle'>, confirmHandle: string): void => {
  if (confirmHandle.trim().toLowerCase() !== handle())
    throw new XrpcError(
      'HandleMismatch',
      `confirmHandle: expected ${handle()}, the handle of the account here, got ${confirmHandle.slice(0, 256)}`,
    )
}

/** The owner gives up what is kept of this move. The account is as it was; only the lock is gone. May be repeated. */
export const releaseRetention = (deps: LifecycleDeps, confirmHandle: string): void => {
  const { sql, platform, journal } = deps
  requireHandle(deps, confirmHandle)
  sql.transaction(() => {
    const retention = readRetention(deps)
    if (!retention) return
    setReleased(sql, platform.now())
    fault('retention.afterState')
    journal.append('release', { pds: retention.pds, verified: retention.verified })
  })
}

/** Records that everything is on the PDS that the DID names. May be repeated. Returns the lock as it is then. */
export const recordVerification = async (
  deps: LifecycleDeps,
  { pds, data, digest }: Verification,
): Promise<Retention | undefined> => {
  const { sql, platform, journal, identityWatch } = deps
  const named = URL.canParse(pds) ? new URL(pds).origin : pds
  const observation = await identityWatch.lookUp()
  if (identityWatch.isHere(observation) || observation.pds !== named)
    throw new XrpcError(
      'NotMoved',
      `the DID names ${observation.pds ?? 'no PDS'} and not ${named.slice(0, 256)}: nothing was recorded`,
    )
  const head = readHead(sql)
  if (head?.data.toString() !== data)
    throw new XrpcError(
      'OtherTree',
      `the tree that was verified is ${data}, and the one here ${head?.data ?? 'none'}: verify again. Nothing was recorded`,
    )
  sql.transaction(() => {
    setVerified(sql, platform.now())
    fault('retention.afterState')
    journal.append('verify', { pds: named, data, digest: digest ?? null })
  })
  return readRetention(deps)
}
