import { isValidNsid } from '@atproto/syntax'
import {
  withoutUndefined,
  optionalStringClaim,
  serviceDidClaim,
  CLOCK_SKEW_S,
  stringClaim,
  integerClaim,
  optionalIntegerClaim,
} from './claims.ts'
import { TokenError } from '../crypto/errors.ts'
import { checkHeader, checkSignature, decodeJws, encodeJws } from '../crypto/jws.ts'
import type { SignBytes } from '../crypto/privateKey.ts'
import type { JsonObject } from '../isObject.ts'
import { parsePublicKey } from '../crypto/publicKey.ts'

const SERVICE_TYP = 'JWT'
/** The longest lifetime of a service token that names a method, and of one that does not (getServiceAuth). */
export const MAX_LIFETIME_S = 3600
export const MAX_LIFETIME_ANY_METHOD_S = 60

/** The method for which the account lets another service speak to its own server. */
export const UPLOAD_BLOB = 'com.atproto.repo.uploadBlob'

/** How a token may name a PDS as its audience: by its DID, alone or with the service that it is in a DID document. */
export const ownAudiences = (serviceDid: string): string[] => [serviceDid, `${serviceDid}#atproto_pds`]

export interface ServiceClaims {
  iss: string
  aud: string
  iat: number
  exp: number
  lxm?: string
  jti: string
  /** Of an upload token: the id of the grant whose app has asked for it. */
  grant?: string | undefined
}

/** Signs a service token within the limits of getServiceAuth. */
export const signServiceToken = async (claims: ServiceClaims, sign: SignBytes): Promise<string> => {
  const payload = withoutUndefined({
    iat: claims.iat,
    iss: claims.iss,
    aud: claims.aud,
    exp: claims.exp,
    lxm: claims.lxm,
    jti: claims.jti,
    grant: claims.grant,
  })
  serviceDidClaim(payload, 'iss')
  serviceDidClaim(payload, 'aud')
  stringClaim(payload, 'jti')
  const lifetime = integerClaim(payload, 'exp') - integerClaim(payload, 'iat')
  const method = optionalStringClaim(payload, 'lxm')
  if (method !== undefined && !isValidNsid(method)) throw new TokenError('BadClaims', 'lxm must be an NSID')
  if (lifetime <= 0 || lifetime > (method === undefined ? MAX_LIFETIME_ANY_METHOD_S : MAX_LIFETIME_S))
    throw new TokenError('TooLong', `a service token cannot be valid for ${lifetime} seconds`)
  return await encodeJws(SERVICE_TYP, payload, sign)
}

/** The claims of another server's token: only those that the reference PDS requires are certain to be present. */
export interface ForeignServiceClaims {
  iss: string
  aud: string
  exp: number
  iat?: number
  lxm?: string
  jti?: string
  /** The account's own tokens have it; in another server's it may mean anything. */
  grant?: string | undefined
}

const parseClaims = (payload: JsonObject): ForeignServiceClaims => ({
  iss: serviceDidClaim(payload, 'iss'),
  aud: serviceDidClaim(payload, 'aud'),
  exp: integerClaim(payload, 'exp'),
  iat: optionalIntegerClaim(payload, 'iat'),
  lxm: optionalStringClaim(payload, 'lxm'),
  jti: optionalStringClaim(payload, 'jti'),
  grant: typeof payload.grant === 'string' ? payload.grant : undefined,
})

/** The issuer that a service token claims, so that the key can be looked up. Nothing is verified. */
export const serviceTokenIssuer = (token: string): string => parseClaims(decodeJws(token).payload).iss

/** Verifies another server's token with the issuer's did:key, whose curve determines the algorithm. `now` in milliseconds. */
export const verifyServiceToken = async (
  token: string,
  opts: { didKey: string; issuer: string; audiences: readonly string[]; lxm: string; now: number },
): Promise<ForeignServiceClaims> => {
  const jws = decodeJws(token)
  const key = parsePublicKey(opts.didKey)
  checkHeader(jws.header, SERVICE_TYP, key.alg)
  await checkSignature(jws, key)
  const claims = parseClaims(jws.payload)
  const seconds = opts.now / 1000
  if (claims.iss !== opts.issuer) throw new TokenError('WrongIssuer', 'the token is from someone else')
  if (!opts.audiences.includes(claims.aud))
    throw new TokenError('WrongAudience', 'the token is for another server')
  if (claims.lxm !== opts.lxm) throw new TokenError('WrongMethod', `the token is not for ${opts.lxm}`)
  if (claims.exp <= seconds) throw new TokenError('Expired', 'the token has expired')
  if (claims.exp > seconds + MAX_LIFETIME_S + CLOCK_SKEW_S)
    throw new TokenError('TooLong', 'the token is valid for too long')
  if (claims.iat !== undefined && claims.iat > seconds + CLOCK_SKEW_S)
    throw new TokenError('FromFuture', 'the token was issued in the future')
  return claims
}
