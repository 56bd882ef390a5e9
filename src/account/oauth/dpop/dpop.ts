import { createHash } from 'node:crypto'
import { KeyError, TokenError } from '../../../crypto/errors.ts'
import { decodeJws } from '../../../crypto/jws.ts'
import { type JwkAlg, readPublicJwk } from '../../../crypto/publicJwk.ts'
import type { JsonObject } from '../../../isObject.ts'
import type { Platform } from '../../../platform.ts'
import { OAuthError } from '../oauthError.ts'
import type { Dpop, DpopRequest } from './types.ts'
import { createNonces } from './nonces.ts'
import { createProofKeys } from './proofKeys.ts'

export interface DpopDeps {
  platform: Pick<Platform, 'now' | 'random'>
  /** The origin of this server, as configured. */
  origin: string
}

/** For `dpop_signing_alg_values_supported`. No RSA: each request is signed, and strangers would choose how large a key. */
export const DPOP_ALGS = ['ES256', 'ES384', 'ES512'] as const satisfies readonly JwkAlg[]

const TYP = 'dpop+jwt'
const MAX_PROOF_BYTES = 8 * 1024
/** A clock may be wrong by so much, either way. How long a proof can be used is for its nonce to say. */
const AHEAD_S = 180
const BACK_S = 180

const invalid = (why: string) => new OAuthError('invalid_dpop_proof', `DPoP proof refused: ${why}`)
const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** The address that a proof names, normalised by the URL parser, without query and fragment. */
const addressOf = (htu: unknown): string | undefined => {
  if (typeof htu !== 'string' || !URL.canParse(htu)) return undefined
  const url = new URL(htu)
  if (url.username || url.password || !/^https?:$/.test(url.protocol)) return undefined
  return url.origin + url.pathname
}

const checkTimes = ({ iat, exp, nbf }: JsonObject, now: number): void => {
  if (typeof iat !== 'number') throw invalid('its iat is not a number')
  if (iat > now + AHEAD_S)
    throw invalid(`its iat is more than ${AHEAD_S} seconds ahead of this server's clock`)
  if (iat < now - BACK_S) throw invalid(`its iat is more than ${BACK_S} seconds old: sign a new proof`)
  if (exp !== undefined && !(typeof exp === 'number' && exp > now)) throw invalid('it has expired (exp)')
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + AHEAD_S))
    throw invalid('it is not valid yet (nbf)')
}

const checkTarget = ({ htm, htu }: JsonObject, method: string, address: string): void => {
  if (htm !== method) throw invalid(`its htm is not ${method}`)
  if (addressOf(htu) !== address) throw invalid(`its htu is not ${address}`)
}

const checkToken = ({ ath }: JsonObject, accessToken: string | undefined): void => {
  if (accessToken === undefined) {
    if (ath !== undefined) throw invalid('it has an ath, and the request has no access token')
  } else if (ath !== sha256(accessToken)) throw invalid("its ath is not the access token's hash")
}

/** Verifies proofs of possession. Nothing is stored: what has to be remembered is forgotten together with the nonces. */
export const createDpop = ({ platform, origin }: DpopDeps): Dpop => {
  const nonces = createNonces(platform)
  const keys = createProofKeys()

  /** The claims of a proof, and the thumbprint of the key that signed them. */
  const open = async (proof: string): Promise<{ claims: JsonObject; jkt: string }> => {
    try {
      const { header, payload } = decodeJws(proof, MAX_PROOF_BYTES)
      if (header.typ !== TYP) throw invalid(`its typ is not ${TYP}`)
      const alg = DPOP_ALGS.find((it) => it === header.alg)
      if (!alg) throw invalid(`its alg is none of ${DPOP_ALGS.join(', ')}`)
      return { claims: payload, jkt: await keys.verify(proof, readPublicJwk(header.jwk, alg), alg) }
    } catch (cause) {
      if (cause instanceof TokenError || cause instanceof KeyError) throw invalid(cause.message)
      throw cause
    }
  }

  const verify = async ({ proof, method, url, accessToken }: DpopRequest) => {
    if (!proof)
      throw new OAuthError('invalid_dpop_proof', 'the request needs a DPoP proof, in the header DPoP')
    const { claims, jkt } = await open(proof)
    const { jti, nonce } = claims
    checkTimes(claims, platform.now() / 1000)
    if (typeof jti !== 'string' || jti === '') throw invalid('it has no jti')
    checkTarget(claims, method, origin + new URL(url).pathname)
    if (nonce !== undefined && typeof nonce !== 'string') throw invalid('its nonce is not a string')
    const needsNonce = () =>
      new OAuthError('use_dpop_nonce', 'the DPoP proof must name the nonce of the header DPoP-Nonce')
    if (!nonce) throw needsNonce()
    checkToken(claims, accessToken)
    const taken = nonces.take(nonce, sha256(`${jkt}.${jti}`))
    if (taken === 'unknown') throw needsNonce()
    if (taken === 'replayed') throw invalid('it was used before: each request needs a proof of its own')
    return { jkt }
  }

  return { nonce: nonces.next, verify }
}
