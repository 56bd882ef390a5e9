import { newId } from '../../../crypto/newId.ts'
import { fault, type FaultPoint } from '../../../fault.ts'
import { hashOf } from '../hashOf.ts'
import { OAuthError } from '../oauthError.ts'
import type { GrantDeps } from './grantDeps.ts'
import type { GrantRow } from './grantRows.ts'
import type { TokenAnswer } from './issueTokens.ts'
import { endOfGrant } from './lifetimes.ts'

/** The grant that is renewed, bound to a key, or why none is. */
export type Renewal = OAuthError | (GrantRow & { jkt: string })

/**
 * Gives a grant its next refresh token, and answers with its tokens, if `decide` has it renewed, which runs in the
 * transaction. Where `decide` ends the grant instead, its refusal is thrown after the transaction, which it would roll back.
 */
export const renewGrant = async (
  { sql, platform, grantRows, grantTokenSigner, issueTokens }: GrantDeps,
  { grant, done }: { grant: string; done: FaultPoint },
  decide: (now: number) => Renewal,
): Promise<TokenAnswer> => {
  const refreshToken = grantTokenSigner.mintRefresh({ grant, jti: newId(platform.random) })
  const renewal = sql.transaction((): Renewal => {
    const now = platform.now()
    const row = decide(now)
    if (row instanceof OAuthError) return row
    const next = {
      ...row,
      refresh: hashOf(refreshToken),
      lastUsedAt: now,
      expiresAt: endOfGrant(row, now),
    }
    grantRows.update(next)
    return next
  })
  if (renewal instanceof OAuthError) {
    fault('oauth.afterEnd')
    throw renewal
  }
  fault(done)
  return await issueTokens(renewal, refreshToken)
}
