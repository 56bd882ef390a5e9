import type { MigrationClaims } from '../../signing/migrationToken.ts'
import { parseScope } from '../../signing/scope.ts'
import { error } from '../../xrpc/errors.ts'
import type { Credential } from '../auth/credential.ts'
import type { MigrationTokens } from '../auth/tokens/migrationTokens.ts'
import { docsLink } from '../../docsLink.ts'

/** A caller who may ask for a signature. */
export type Signer = Extract<Credential, { grants: 'session' | 'plc:sign' | 'grant' }>

/**
 * The migration token that asks for a signature: the Bearer, or the one in the body beside a session or an app's grant. As a Bearer, a
 * token signs only if it is bound to a target: a leaked one must not be enough to take the account. In the body, beside
 * the owner's session, any token of this server with the scope `plc:sign` does.
 */
export const signingToken = async (
  migrationTokens: Pick<MigrationTokens, 'verify'>,
  signer: Signer,
  bodyToken: string | undefined,
): Promise<MigrationClaims> => {
  if (signer.kind === 'token') {
    if (bodyToken !== undefined && bodyToken !== signer.raw)
      throw error(
        'InvalidToken',
        `two different migration tokens: give the one token, as Bearer, as token, or as both. ${docsLink('token-untargeted')}`,
      )
    if (signer.claims.target === undefined)
      throw error(
        'InvalidToken',
        `a migration token without a target does not sign by itself: mint one with \`pds migrate-token --target <url>\`, or give it as token beside the account's own session. ${docsLink('token-untargeted')}`,
      )
    return signer.claims
  }
  if (bodyToken === undefined || bodyToken === '')
    throw error(
      'InvalidToken',
      `token: paste the one that \`pds migrate-token\` prints; a session or a grant alone signs nothing. ${docsLink('token-needed')}`,
    )
  const claims = await migrationTokens.verify(bodyToken)
  if (!parseScope(claims.scope).includes('plc:sign'))
    throw error(
      'InvalidToken',
      `the migration token's scope (${claims.scope}) lacks plc:sign. ${docsLink('token-scope')}`,
    )
  return claims
}
