/** What every session answer says of the account. */
import type { Account } from '../../account/account.ts'
import { readAccount } from '../../account/db/accountRow.ts'

export interface SessionInfo {
  did: string
  handle: string
  didDoc?: { [name: string]: unknown }
  active: boolean
  status?: 'deactivated'
}

/**
 * The DID document only while it names this server: @atproto/api follows it to the PDS that it
 * names. It is a courtesy; a directory that is down keeps nobody out.
 */
export const sessionInfo = async ({ did, handle, watch, sql }: Account): Promise<SessionInfo> => {
  const observation = await watch.glance()
  const active = readAccount(sql).stored === 'active'
  return {
    did,
    handle,
    ...(observation?.document && watch.isHere(observation) && { didDoc: observation.document }),
    active,
    ...(!active && { status: 'deactivated' as const }),
  }
}
