import { TokenError } from '../../crypto/errors.ts'
import { error } from '../../xrpc/errors.ts'
import { DPOP_ALGS } from '../oauth/dpop/dpop.ts'
import { OAuthError } from '../oauth/oauthError.ts'
import { readPermissions } from '../oauth/scopes/readPermissions.ts'
import type { GrantAccessClaims } from '../../signing/grantTokens.ts'
import type { Dpop } from '../oauth/dpop/types.ts'
import type { GrantTokens, Grants } from '../oauth/grants/types.ts'
import { calledAs } from './calledAs.ts'
import type { VerifiedCredential } from './credential.ts'

export interface VerifyGrantDeps {
  dpop: Dpop
  grants: Pick<Grants, 'find'>
  grantTokens: GrantTokens
  did: string
  /** Of tokens for this server, by its present host name or by one that it had. */
  audiences: readonly string[]
}

/** Verifies the access token of an app, and the proof that the app holds the key that the token is bound to. */
export type VerifyGrant = (request: Request, token: string) => Promise<VerifiedCredential>

/** How many requests of the Worker are remembered, each for as long as it asks: a page of an app sends some twenty at once. */
const MAX_ASKED = 1000

const ALGS = DPOP_ALGS.join(' ')

const refuse = (code: 'invalid_token' | 'invalid_dpop_proof' | 'use_dpop_nonce', message: string) => {
  const described = message.replaceAll(/[^ !#-[\]-~]/g, "'")
  // RFC 9449, section 7.1. Clients refresh only where the challenge says `invalid_token`.
  const challenge = `DPoP algs="${ALGS}", error="${code}", error_description="${described}"`
  return error(code, message, { 'www-authenticate': challenge })
}

export const createVerifyGrant = (deps: VerifyGrantDeps): VerifyGrant => {
  const { dpop, grants, grantTokens, did, audiences } = deps
  /** The token of each request whose proof was taken, by the name that the Worker gave it. */
  const asked = new Map<string, string>()

  const verifyToken = async (token: string): Promise<GrantAccessClaims> => {
    const claims = await grantTokens.verify(token)
    if (claims.did !== did) throw new TokenError('WrongIssuer', 'the token is of another account')
    if (!audiences.includes(claims.aud))
      throw new TokenError('WrongAudience', 'the token is for another server')
    return claims
  }

  /** Throws OAuthError unless the key signed a proof for this request, or did for the same one before. */
  const verifyProof = async (request: Request, token: string, jkt: string): Promise<void> => {
    const { method, url, once } = calledAs(request)
    if (once !== undefined && asked.get(once) === token) return
    const proof = await dpop.verify({ proof: request.headers.get('dpop'), method, url, accessToken: token })
    if (proof.jkt !== jkt) throw refuse('invalid_token', 'the proof is of another key than the token')
    if (once === undefined) return
    asked.set(once, token)
    for (const oldest of asked.keys()) {
      if (asked.size <= MAX_ASKED) break
      asked.delete(oldest)
    }
  }

  const verify: VerifyGrant = async (request, token) => {
    const claims = await verifyToken(token)
    await verifyProof(request, token, claims.jkt)
    const grant = grants.find(claims.grant)
    if (!grant || grant.jkt !== claims.jkt)
      throw refuse('invalid_token', 'this sign-in has ended; sign in again')
    return { kind: 'grant', grants: 'grant', claims, permissions: readPermissions(grant.expanded) }
  }

  return async (request, token) => {
    try {
      return await verify(request, token)
    } catch (cause) {
      if (cause instanceof TokenError) throw Object.assign(refuse('invalid_token', cause.message), { cause })
      if (!(cause instanceof OAuthError)) throw cause
      throw refuse(cause.code === 'use_dpop_nonce' ? cause.code : 'invalid_dpop_proof', cause.message)
    }
  }
}
