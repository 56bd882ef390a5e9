import { fault } from '../../../fault.ts'
import type { Call } from '../call.ts'
import { clientCredentials } from '../clientCredentials.ts'
import { OAuthError } from '../oauthError.ts'
import { required } from '../parameters.ts'
import { authenticateFor } from './authenticateFor.ts'
import { BY_APP } from './endGrant.ts'
import type { GrantDeps } from './grantDeps.ts'

/** The grant that a token is of, which may have expired: a client that was closed for long still signs out. */
const grantOf = async (
  { grantTokenSigner, origin, previous, platform }: RevokeDeps,
  token: string,
): Promise<string | undefined> => {
  const refresh = grantTokenSigner.readRefresh(token)
  if (refresh) return refresh.grant
  const issuer = [origin, ...previous.map((name) => name.origin)]
  const options = { issuer, now: platform.now(), evenExpired: true }
  return await grantTokenSigner.verifyAccess(token, options).then(
    ({ grant }) => grant,
    () => undefined,
  )
}

interface RevokeDeps extends GrantDeps {
  origin: string
  previous: readonly { origin: string }[]
}

/**
 * Ends the grant of a token for the client that has it, with its proofs. For anything else nothing happens and nothing is
 * said: a client could do nothing about it (RFC 7009, section 2.2). `jkt` is the key of the request's DPoP proof.
 */
export const revokeGrant = async (
  deps: RevokeDeps,
  call: Pick<Call, 'params' | 'network'>,
  jkt: string | undefined,
): Promise<void> => {
  const token = required(call.params, 'token')
  const credentials = clientCredentials(call, jkt)
  const id = await grantOf(deps, token)
  const row = id === undefined ? undefined : deps.grantRows.read(id)
  if (!row || jkt === undefined || row.clientId !== credentials.clientId || row.jkt !== jkt) return
  try {
    await authenticateFor(deps, credentials, row)
  } catch (cause) {
    if (cause instanceof OAuthError) return
    throw cause
  }
  deps.endGrant(row, BY_APP)
  fault('oauth.afterEnd')
}
