import { createHmac, timingSafeEqual } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { fromBase64url, toBase64url } from '../crypto/base64url.ts'
import { TokenError } from '../crypto/errors.ts'
import { decodeJws } from '../crypto/jws.ts'
import type { Secret } from '../crypto/secret.ts'
import { isObject } from '../isObject.ts'
import { didClaim, integerClaim, stringClaim } from './claims.ts'
import { derivedKey } from './derivedKey.ts'

/** How long an access token of a grant lives at most. */
export const GRANT_ACCESS_LIFETIME_S = 15 * 60

/** What an access token of a grant says. Times are in seconds. */
export interface GrantAccessClaims {
  did: string
  aud: string
  clientId: string
  /** The grant's id: once the grant has ended, the token is worthless. */
  grant: string
  /** The thumbprint of the key that it is bound to. */
  jkt: string
  iat: number
  exp: number
}

/** What a refresh token says: `jti` is of this one token, so that each can be used only once. */
export interface GrantRefreshClaims {
  grant: string
  jti: string
}

/** Signs and verifies the tokens of grants, with keys of their own: a session's token is never one of these. */
export interface GrantTokenSigner {
  mintAccess(claims: GrantAccessClaims & { jti: string; issuer: string }): Promise<string>
  /**
   * `now` in milliseconds. Throws TokenError: with the code `Expired` for an expired token, unless `evenExpired`, and for
   * nothing else.
   */
  verifyAccess(
    token: string,
    expected: { issuer: readonly string[]; now: number; evenExpired?: boolean },
  ): Promise<GrantAccessClaims>
  mintRefresh(claims: GrantRefreshClaims): string
  /** Undefined for what was never a refresh token of ours. Whether it still is one is for the caller. */
  readRefresh(token: string): GrantRefreshClaims | undefined
}

const TYP = 'at+jwt'
/** The id of a program in development has its scope and its addresses in it. */
const MAX_CLIENT_ID_LENGTH = 4096
/** As newId gives them. */
const REFRESH_TOKEN = /^ref-([0-9a-f]{32})-([0-9a-f]{32})-([\w-]{43})$/

const boundKey = (cnf: unknown): string => {
  if (!isObject(cnf)) throw new TokenError('BadClaims', 'the claim cnf must be an object')
  return stringClaim(cnf, 'jkt', 64)
}

const badToken = (cause: unknown): TokenError => {
  if (cause instanceof TokenError) return cause
  if (cause instanceof errors.JWTExpired) return new TokenError('Expired', 'the access token has expired')
  if (cause instanceof errors.JWSSignatureVerificationFailed)
    return new TokenError(
      'BadSignature',
      "the access token's signature does not verify; a new password or SESSION_SECRET ends every app's access: sign in to the app again",
    )
  return new TokenError('Malformed', 'the token is not an access token of a grant of this server')
}

/** The keys are derived from SESSION_SECRET and PASSWORD_HASH together: a new password ends every grant. */
export const createGrantTokenSigner = (secret: Secret, passwordHash: Secret): GrantTokenSigner => {
  const accessKey = derivedKey(secret, passwordHash, 'grant')
  const refreshKey = derivedKey(secret, passwordHash, 'grant-refresh')
  const refreshMac = ({ grant, jti }: GrantRefreshClaims): Uint8Array =>
    createHmac('sha256', refreshKey).update(`${grant}-${jti}`).digest()

  return {
    mintAccess: ({ did, aud, clientId, grant, jkt, iat, exp, jti, issuer }) =>
      new SignJWT({ client_id: clientId, grant, cnf: { jkt } })
        .setProtectedHeader({ alg: 'HS256', typ: TYP })
        .setJti(jti)
        .setIssuer(issuer)
        .setSubject(did)
        .setAudience(aud)
        .setIssuedAt(iat)
        .setExpirationTime(exp)
        .sign(accessKey),
    verifyAccess: async (token, { issuer, now, evenExpired = false }) => {
      // Our own reader comes first, because it refuses spellings that jose accepts.
      const { header } = decodeJws(token)
      if (header.typ !== TYP) throw new TokenError('WrongType', `the token is not of type ${TYP}`)
      if (header.alg !== 'HS256') throw new TokenError('WrongAlg', 'the token is not signed with HS256')
      try {
        const options = {
          algorithms: ['HS256'],
          typ: TYP,
          issuer: [...issuer],
          currentDate: new Date(evenExpired ? 0 : now),
        }
        const claims: Record<string, unknown> = { ...(await jwtVerify(token, accessKey, options)).payload }
        return {
          did: didClaim(claims, 'sub'),
          aud: didClaim(claims, 'aud'),
          clientId: stringClaim(claims, 'client_id', MAX_CLIENT_ID_LENGTH),
          grant: stringClaim(claims, 'grant'),
          jkt: boundKey(claims.cnf),
          iat: integerClaim(claims, 'iat'),
          exp: integerClaim(claims, 'exp'),
        }
      } catch (cause) {
        throw badToken(cause)
      }
    },
    mintRefresh: (claims) => `ref-${claims.grant}-${claims.jti}-${toBase64url(refreshMac(claims))}`,
    readRefresh: (token) => {
      const [, grant, jti, mac] = REFRESH_TOKEN.exec(token) ?? []
      const given = mac === undefined ? undefined : fromBase64url(mac)
      if (grant === undefined || jti === undefined || given === undefined) return undefined
      return timingSafeEqual(refreshMac({ grant, jti }), given) ? { grant, jti } : undefined
    },
  }
}
