import type { Platform } from '../../../platform.ts'
import type { AccessClaims, SessionTokens } from '../../../signing/sessionTokens.ts'

export interface AccessTokensDeps {
  tokens: Pick<SessionTokens, 'verifyAccess'>
  platform: Pick<Platform, 'now'>
}

/** Access tokens of sessions, verified once: a client sends the same one for two hours. */
export interface AccessTokens {
  /** The claims of a token that was verified before and has not expired. Whether its session has ended is for the caller. */
  known(token: string): AccessClaims | undefined
  /** Verifies a token; throws TokenError. */
  verify(token: string): Promise<AccessClaims>
}

/** A token is at most some hundred bytes, as only our own are kept. */
const MAX_TOKENS = 100

/**
 * What is kept is what can never change: that a signature of ours is right, and over which claims. Only tokens that
 * verified are kept, so that nobody else can fill the memory.
 */
export const createAccessTokens = ({ tokens, platform }: AccessTokensDeps): AccessTokens => {
  const verified = new Map<string, AccessClaims>()
  return {
    known: (token) => {
      const claims = verified.get(token)
      if (!claims) return undefined
      verified.delete(token)
      if (claims.exp * 1000 <= platform.now()) return undefined
      // The one that was used last is the last to go.
      verified.set(token, claims)
      return claims
    },
    verify: async (token) => {
      const claims = await tokens.verifyAccess(token, platform.now())
      verified.set(token, claims)
      for (const oldest of verified.keys()) {
        if (verified.size <= MAX_TOKENS) break
        verified.delete(oldest)
      }
      return claims
    },
  }
}
