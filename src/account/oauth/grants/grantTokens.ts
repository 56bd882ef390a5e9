import type { ServerName } from '../../../configValues.ts'
import type { Platform } from '../../../platform.ts'
import type { GrantAccessClaims, GrantTokenSigner } from '../../../signing/grantTokens.ts'
import type { GrantTokens } from './types.ts'

export interface GrantTokensDeps {
  grantTokenSigner: Pick<GrantTokenSigner, 'verifyAccess'>
  platform: Pick<Platform, 'now'>
  origin: string
  previous: readonly ServerName[]
}

/** A token is at most some hundred bytes, as only our own are kept. */
const MAX_TOKENS = 100

/**
 * Access tokens of grants, each verified once: a client sends the same one for a quarter of an hour. What is kept is what
 * can never change, that a signature of ours is right, and over which claims; and only of tokens that verified, so that
 * nobody else can fill the memory.
 */
export const createGrantTokens = (deps: GrantTokensDeps): GrantTokens => {
  const { grantTokenSigner, platform, origin, previous } = deps
  const verified = new Map<string, GrantAccessClaims>()
  /** A token outlives a change of the host name. */
  const issuer = [origin, ...previous.map((name) => name.origin)]

  const known = (token: string): GrantAccessClaims | undefined => {
    const claims = verified.get(token)
    if (!claims) return undefined
    verified.delete(token)
    if (claims.exp * 1000 <= platform.now()) return undefined
    // The one that was used last is the last to go.
    verified.set(token, claims)
    return claims
  }

  return {
    verify: async (token) => {
      const kept = known(token)
      if (kept) return kept
      const claims = await grantTokenSigner.verifyAccess(token, { issuer, now: platform.now() })
      verified.set(token, claims)
      for (const oldest of verified.keys()) {
        if (verified.size <= MAX_TOKENS) break
        verified.delete(oldest)
      }
      return claims
    },
  }
}
