import type { Account } from '../../../src/account/account.ts'
import type { SessionKind } from '../../../src/signing/sessionTokens.ts'

/** An access token of a new session of this kind, in any state of the account. */
export const accessToken = async (
  { sessions }: Pick<Account, 'sessions'>,
  kind: SessionKind,
): Promise<string> => {
  const appPassword =
    kind === 'session' ? undefined : { name: kind, privileged: kind === 'appPasswordPrivileged' }
  return (await sessions.create({ via: 'createSession', appPassword })).accessJwt
}
