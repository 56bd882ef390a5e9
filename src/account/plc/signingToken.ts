/** Which migration token asks for a signature: the Bearer, or the one in the body beside a full session. */
import type { MigrationClaims } from '../../signing/migrationToken.ts'
import { parseScope } from '../../signing/scope.ts'
import { error } from '../../xrpc/errors.ts'
import type { Credential } from '../auth/authorize.ts'
import { docsLink } from '../../docsLink.ts'

type Signer = Extract<Credential, { grants: 'session' | 'plc:sign' }>

/**
 * As a Bearer, a token signs only if it is bound to a target: one that leaked must not be the
 * account. In the body, beside the owner's session, any of ours that has `plc:sign` does.
 */
export const signingToken = async (
  auth: Signer,
  bodyToken: string | undefined,
  verify: (token: string) => Promise<MigrationClaims>,
): Promise<MigrationClaims> => {
  if (auth.kind === 'token') {
    if (bodyToken !== undefined && bodyToken !== auth.raw)
      throw error(
        'InvalidToken',
        `two different migration tokens: give the one token, as Bearer, as token, or as both. ${docsLink('token-untargeted')}`,
      )
    if (auth.claims.target === undefined)
      throw error(
        'InvalidToken',
        `a migration token without a target does not sign by itself: mint one with \`pds migrate-token --target <url>\`, or give it as token beside the account's own session. ${docsLink('token-untargeted')}`,
      )
    return auth.claims
  }
  if (bodyToken === undefined || bodyToken === '')
    throw error(
      'InvalidToken',
      `token: paste the one that \`pds migrate-token\` prints; a session alone signs nothing. ${docsLink('token-needed')}`,
    )
  const claims = await verify(bodyToken)
  if (!parseScope(claims.scope).includes('plc:sign'))
    throw error(
      'InvalidToken',
      `the migration token's scope (${claims.scope}) lacks plc:sign. ${docsLink('token-scope')}`,
    )
  return claims
}
