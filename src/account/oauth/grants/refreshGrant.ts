import type { Call } from '../call.ts'
import { clientCredentials } from '../clientCredentials.ts'
import { hashOf } from '../hashOf.ts'
import { OAuthError } from '../oauthError.ts'
import { required } from '../parameters.ts'
import { authenticateFor } from './authenticateFor.ts'
import type { GrantDeps } from './grantDeps.ts'
import type { GrantRow } from './grantRows.ts'
import type { TokenAnswer } from './issueTokens.ts'
import { renewGrant } from './renewGrant.ts'

const invalid = (message: string): OAuthError => new OAuthError('invalid_grant', message)
const over = (): OAuthError => invalid('refresh_token: its grant has ended; sign in to the app again')

/**
 * Replaces a refresh token, once. Each is signed, so that one that was replaced is known for what it is: two hold it, and
 * its grant ends. So it does where the one who shows the current one is another client or has another key.
 */
export const refreshGrant = async (
  deps: GrantDeps,
  call: Pick<Call, 'params' | 'network'>,
  jkt: string,
): Promise<TokenAnswer> => {
  const { params, network } = call
  const { platform, scopes, grantRows, grantTokenSigner, endGrant } = deps
  const token = required(params, 'refresh_token')
  const claims = grantTokenSigner.readRefresh(token)
  const find = (): GrantRow | undefined => {
    const row = claims && grantRows.read(claims.grant)
    return row && row.expiresAt > platform.now() ? row : undefined
  }
  const before = find()
  await authenticateFor(deps, clientCredentials(call, jkt), before)
  if (!claims) throw invalid('refresh_token: is not one of this server')
  if (!before) throw over()
  const expanded =
    before.refresh === hashOf(token) ? await scopes.expand(before.scope, network) : before.expanded

  return await renewGrant(deps, { grant: claims.grant, done: 'oauth.afterRefresh' }, () => {
    const row = find()
    if (!row) return over()
    if (row.refresh !== hashOf(token)) {
      endGrant(row, 'refresh token used twice')
      return invalid('refresh_token: was used before, and its grant has ended; sign in to the app again')
    }
    if (params.get('client_id') !== row.clientId) {
      endGrant(row, 'refresh token of another app')
      return invalid('refresh_token: is of another client')
    }
    if (row.jkt !== jkt) {
      endGrant(row, 'refresh token with another key')
      return invalid('the DPoP proof is signed with another key than the grant is bound to')
    }
    return { ...row, jkt, expanded }
  })
}
