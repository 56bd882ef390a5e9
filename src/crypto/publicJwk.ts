import { createHash } from 'node:crypto'
import { compactVerify } from 'jose'
import { isObject } from '../isObject.ts'
import { fromBase64url, toBase64url } from './base64url.ts'
import { KeyError, TokenError } from './errors.ts'

/** What OAuth clients sign with, as far as workerd verifies it. */
export type JwkAlg = 'ES256' | 'ES384' | 'ES512' | 'RS256' | 'PS256'

/** The members of a public JWK that are the key (RFC 7638, section 3.2), each in its one spelling. */
export type PublicJwk =
  | { kty: 'EC'; crv: string; x: string; y: string }
  | { kty: 'RSA'; n: string; e: string }

/** A public key that verifies one alg. */
export interface JwkVerifier {
  /** The thumbprint (RFC 7638), base64url. */
  readonly jkt: string
  /** Throws TokenError unless the key signed this compact JWS, whose header names the key's alg. */
  verify(token: string): Promise<void>
}

const CURVES: Partial<Record<JwkAlg, { crv: string; bytes: number }>> = {
  ES256: { crv: 'P-256', bytes: 32 },
  ES384: { crv: 'P-384', bytes: 48 },
  ES512: { crv: 'P-521', bytes: 66 },
}

const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']
/** From 2048 bits; above 4096 verifying takes long, and strangers choose the key. */
const RSA_BYTES = { min: 256, max: 512 }

const bad = (why: string) => new KeyError('BadPublicKey', `the JWK ${why}`)

const lengthOf = (value: unknown): number =>
  typeof value === 'string' ? (fromBase64url(value)?.byteLength ?? 0) : 0

/**
 * Reads a public key that verifies `alg` and nothing else. Throws KeyError for one with private members, for another use
 * or alg, or in another spelling: one key must not have two thumbprints.
 */
export const readPublicJwk = (jwk: unknown, alg: JwkAlg): PublicJwk => {
  if (!isObject(jwk)) throw bad('is not an object')
  if (PRIVATE.some((name) => name in jwk)) throw bad('has private members: send the public key only')
  const { kty, crv, x, y, n, e, use } = jwk
  if (jwk.alg !== undefined && jwk.alg !== alg) throw bad(`is not for ${alg}`)
  if (use !== undefined && use !== 'sig') throw bad('is not for signatures: its use is not sig')
  const curve = CURVES[alg]
  if (curve) {
    if (kty !== 'EC' || crv !== curve.crv) throw bad(`is not a key of ${curve.crv}, which ${alg} needs`)
    if (typeof x !== 'string' || typeof y !== 'string' || [x, y].some((it) => lengthOf(it) !== curve.bytes))
      throw bad(`does not have x and y of ${curve.bytes} bytes, as base64url`)
    return { kty, crv, x, y }
  }
  if (kty !== 'RSA') throw bad(`is not an RSA key, which ${alg} needs`)
  const bytes = lengthOf(n)
  if (typeof n !== 'string' || /^A[A-P]/.test(n) || bytes < RSA_BYTES.min || bytes > RSA_BYTES.max)
    throw bad('does not have a modulus of 2048 to 4096 bits, as base64url')
  if (e !== 'AQAB') throw bad('does not have the exponent 65537')
  return { kty, n, e }
}

/** RFC 7638: the members that are the key, in the order of their names. */
const thumbprint = (jwk: PublicJwk): string =>
  toBase64url(
    createHash('sha256')
      .update(JSON.stringify(jwk, ['crv', 'e', 'kty', 'n', 'x', 'y']))
      .digest(),
  )

const importParams = (alg: JwkAlg) => {
  const curve = CURVES[alg]
  return curve
    ? { name: 'ECDSA', namedCurve: curve.crv }
    : { name: alg === 'PS256' ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
}

/** Imports a key. Throws KeyError if it is not a point of its curve. */
export const importPublicJwk = async (jwk: PublicJwk, alg: JwkAlg): Promise<JwkVerifier> => {
  try {
    const key = await crypto.subtle.importKey('jwk', jwk, importParams(alg), true, ['verify'])
    return {
      jkt: thumbprint(jwk),
      verify: async (token) => {
        try {
          await compactVerify(token, key, { algorithms: [alg] })
        } catch {
          throw new TokenError('BadSignature', "the token's signature does not verify")
        }
      },
    }
  } catch {
    throw bad('is not a key that can be used')
  }
}
