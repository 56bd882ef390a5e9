import { KeyError } from '../../../crypto/errors.ts'
import { type JwkAlg, type PublicJwk, readPublicJwk } from '../../../crypto/publicJwk.ts'
import { isObject } from '../../../isObject.ts'

/** A key that a client signs its assertions with. */
export type ClientKey = PublicJwk & { kid: string }

const MAX_KEYS = 50
const MAX_KID_LENGTH = 256

const readKey = (jwk: unknown, alg: JwkAlg): ClientKey[] => {
  if (!isObject(jwk) || typeof jwk.kid !== 'string' || jwk.kid === '' || jwk.kid.length > MAX_KID_LENGTH)
    return []
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify'))) return []
  try {
    return [{ ...readPublicJwk(jwk, alg), kid: jwk.kid }]
  } catch (cause) {
    if (cause instanceof KeyError) return []
    throw cause
  }
}

/** The keys of a JWKS that verify `alg` and have a kid; the others are for somebody else. Undefined if it is not a JWKS. */
export const readJwks = (jwks: unknown, alg: JwkAlg): ClientKey[] | undefined =>
  isObject(jwks) && Array.isArray(jwks.keys)
    ? jwks.keys.slice(0, MAX_KEYS).flatMap((jwk) => readKey(jwk, alg))
    : undefined
