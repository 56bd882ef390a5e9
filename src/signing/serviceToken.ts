import { isValidNsid } from '@atproto/syntax'
import { compact, optionalText, serviceDid, SKEW, text, whole } from './claims.ts'
import { TokenError } from '../crypto/errors.ts'
import { checkHeader, checkSignature, decodeJws, encodeJws } from '../crypto/jws.ts'
import type { SignBytes } from '../crypto/privateKey.ts'
import type { JsonObject } from '../isObject.ts'
import { parsePublicKey } from '../crypto/publicKey.ts'

const TYP = 'JWT'
/** The longest life of a service token, in seconds, with and without a method (getServiceAuth). */
export const MAX_LIFETIME = 3600
export const MAX_LIFETIME_ANY_METHOD = 60

export interface ServiceClaims {
  iss: string
  aud: string
  iat: number
  exp: number
  lxm?: string
  jti: string
}

export const signServiceToken = async (claims: ServiceClaims, sign: SignBytes): Promise<string> => {
  const payload = compact({
    iat: claims.iat,
    iss: claims.iss,
    aud: claims.aud,
    exp: claims.exp,
    lxm: claims.lxm,
    jti: claims.jti,
  })
  serviceDid(payload, 'iss')
  serviceDid(payload, 'aud')
  text(payload, 'jti')
  const lifetime = whole(payload, 'exp') - whole(payload, 'iat')
  const method = optionalText(payload, 'lxm')
  if (method !== undefined && !isValidNsid(method)) throw new TokenError('BadClaims', 'lxm must be an NSID')
  if (lifetime <= 0 || lifetime > (method === undefined ? MAX_LIFETIME_ANY_METHOD : MAX_LIFETIME))
    throw new TokenError('TooLong', `a service token cannot live ${lifetime} seconds`)
  return await encodeJws(TYP, payload, sign)
}

const parseClaims = (payload: JsonObject) => ({
  iss: serviceDid(payload, 'iss'),
  aud: serviceDid(payload, 'aud'),
  exp: whole(payload, 'exp'),
  ...(payload.iat === undefined ? {} : { iat: whole(payload, 'iat') }),
  ...(payload.lxm === undefined ? {} : { lxm: text(payload, 'lxm') }),
  ...(payload.jti === undefined ? {} : { jti: text(payload, 'jti') }),
})

/** A foreign service token: only what the reference insists on is certain to be there. */
export type ForeignServiceClaims = ReturnType<typeof parseClaims>

/** Who a service token says it is from, so that the key can be looked up. Nothing is verified. */
export const serviceTokenIssuer = (token: string): string => parseClaims(decodeJws(token).payload).iss

/** Verifies another server's token with the issuer's did:key, whose curve fixes the algorithm. */
export const verifyServiceToken = async (
  token: string,
  opts: { didKey: string; issuer: string; audiences: readonly string[]; lxm: string; now: number },
): Promise<ForeignServiceClaims> => {
  const jws = decodeJws(token)
  const key = parsePublicKey(opts.didKey)
  checkHeader(jws.header, TYP, key.alg)
  await checkSignature(jws, key)
  const claims = parseClaims(jws.payload)
  const seconds = opts.now / 1000
  if (claims.iss !== opts.issuer) throw new TokenError('WrongIssuer', 'the token is from someone else')
  if (!opts.audiences.includes(claims.aud))
    throw new TokenError('WrongAudience', 'the token is for another server')
  if (claims.lxm !== opts.lxm) throw new TokenError('WrongMethod', `the token is not for ${opts.lxm}`)
  if (claims.exp <= seconds) throw new TokenError('Expired', 'the token has expired')
  if (claims.exp > seconds + MAX_LIFETIME + SKEW) throw new TokenError('TooLong', 'the token lives too long')
  if (claims.iat !== undefined && claims.iat > seconds + SKEW)
    throw new TokenError('FromFuture', 'the token was issued in the future')
  return claims
}
