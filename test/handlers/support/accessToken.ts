import type { Account } from '../../../src/account/account.ts'
import { createSessionTokens, type SessionKind } from '../../../src/signing/sessionTokens.ts'

/** An access token of a new session of this kind, in any state of the account. */
export const accessToken = async (account: Account, kind: SessionKind): Promise<string> => {
  const { did, config, platform } = account
  const { secrets, serviceDid: aud } = config
  const tokens = createSessionTokens(secrets.session, secrets.passwordHash)
  const now = platform.now()
  const { refreshJwt } = await account.sessions.create({ via: 'createSession' })
  const { sid } = await tokens.verifyRefresh(refreshJwt, now)
  return await tokens.mintAccess({ did, aud, sid, kind, now })
}
