import { error } from '../../xrpc/errors.ts'
import type { Handler } from '../context.ts'

/** The account's signing key is there before the account is: it is the one that is configured. */
export const reserveSigningKey: Handler<'com.atproto.server.reserveSigningKey'> = ({ account, input }) => {
  const { did = account.did } = input
  if (did !== account.did)
    throw error('InvalidRequest', `did: this server is for ${account.did} only, not for ${did.slice(0, 256)}`)
  return { signingKey: account.signingKey.did }
}
