import type { Account } from '../../account/account.ts'

export interface SessionInfo {
  did: string
  handle: string
  didDoc?: { [name: string]: unknown }
  email?: string
  emailConfirmed: boolean
  active: boolean
  status?: 'deactivated'
}

/**
 * What every session answer says about the account. The DID document is in it only while it names this server, because
 * @atproto/api follows it to the PDS that it names. It is optional: a directory that is down must not keep anyone out.
 */
export const sessionInfo = async (account: Account): Promise<SessionInfo> => {
  const { did, handle, identityWatch } = account
  const { email } = account.config
  const observation = await identityWatch.glance()
  const active = account.isActivated()
  return {
    did,
    handle,
    ...(observation?.document && identityWatch.isHere(observation) && { didDoc: observation.document }),
    // Confirmed: the owner has configured it. Clients offer to confirm an address that is not, which no mail could do.
    ...(email !== undefined && { email }),
    emailConfirmed: email !== undefined,
    active,
    ...(!active && { status: 'deactivated' as const }),
  }
}
