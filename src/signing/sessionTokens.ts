import { createHmac } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { didClaim, stringClaim, integerClaim } from './claims.ts'
import { TokenError } from '../crypto/errors.ts'
import { decodeJws } from '../crypto/jws.ts'
import type { Secret } from '../crypto/secret.ts'
import { derivedKey } from './derivedKey.ts'

/**
 * The kinds of session, by the password that opened it: the account's own, an ordinary app password, or a privileged
 * one.
 */
export type SessionKind = 'session' | 'appPassword' | 'appPasswordPrivileged'

/** The scope of each kind's access tokens: clients read it to learn what they may do. */
export const ACCESS_SCOPES: Readonly<Record<SessionKind, string>> = {
  session: 'com.atproto.access',
  appPassword: 'com.atproto.appPass',
  appPasswordPrivileged: 'com.atproto.appPassPrivileged',
}
export const REFRESH_SCOPE = 'com.atproto.refresh'
export const ACCESS_LIFETIME_S = 2 * 60 * 60
export const REFRESH_LIFETIME_S = 90 * 24 * 60 * 60

export interface SessionClaims {
  did: string
  /** This server's DID. */
  aud: string
  /** The session that the token belongs to: once it is deleted from the store, the token is worthless. */
  sid: string
  iat: number
  exp: number
}

export interface AccessClaims extends SessionClaims {
  kind: SessionKind
}

export interface RefreshClaims extends SessionClaims {
  /** The id of this one refresh token, so that each can be used only once. */
  jti: string
}

export interface SessionTokens {
  /** 48 bits that are others when the password or the secret is another, and say nothing about either. */
  readonly mark: number
  mintAccess(claims: {
    did: string
    aud: string
    sid: string
    kind: SessionKind
    now: number
  }): Promise<string>
  mintRefresh(claims: { did: string; aud: string; sid: string; jti: string; now: number }): Promise<string>
  /** `now` in milliseconds. Throws TokenError: with the code `Expired` for an expired token, and for nothing else. */
  verifyAccess(token: string, now: number): Promise<AccessClaims>
  verifyRefresh(token: string, now: number): Promise<RefreshClaims>
}

interface TokenKind {
  typ: string
  lifetimeS: number
}

const ACCESS: TokenKind = { typ: 'at+jwt', lifetimeS: ACCESS_LIFETIME_S }
const REFRESH: TokenKind = { typ: 'refresh+jwt', lifetimeS: REFRESH_LIFETIME_S }

const wrongScope = () => new TokenError('BadClaims', 'the token has another scope')

/** The kind of session that an access token's scope names. */
const kindOf = (scope: unknown): SessionKind => {
  const kinds: SessionKind[] = ['session', 'appPassword', 'appPasswordPrivileged']
  const kind = kinds.find((kind) => ACCESS_SCOPES[kind] === scope)
  if (kind === undefined) throw wrongScope()
  return kind
}

/** Mints and verifies access and refresh tokens, with a key derived from SESSION_SECRET and PASSWORD_HASH together. */
export const createSessionTokens = (secret: Secret, passwordHash: Secret): SessionTokens => {
  const key = derivedKey(secret, passwordHash, 'session')

  const mint = (
    kind: TokenKind,
    claims: { did: string; aud: string; sid: string; now: number; scope: string; jti?: string },
  ) => {
    const iat = Math.floor(claims.now / 1000)
    const { scope, sid, jti } = claims
    return new SignJWT({ scope, sid, jti })
      .setProtectedHeader({ alg: 'HS256', typ: kind.typ })
      .setSubject(claims.did)
      .setAudience(claims.aud)
      .setIssuedAt(iat)
      .setExpirationTime(iat + kind.lifetimeS)
      .sign(key)
  }

  const verify = async (kind: TokenKind, token: string, now: number) => {
    // Our own reader comes first, because it refuses spellings that jose accepts.
    const { header } = decodeJws(token)
    if (header.typ !== kind.typ) throw new TokenError('WrongType', `the token is not of type ${kind.typ}`)
    if (header.alg !== 'HS256') throw new TokenError('WrongAlg', 'the token is not signed with HS256')
    try {
      const options = { algorithms: ['HS256'], typ: kind.typ, currentDate: new Date(now) }
      const payload: Record<string, unknown> = { ...(await jwtVerify(token, key, options)).payload }
      const claims = {
        did: didClaim(payload, 'sub'),
        aud: didClaim(payload, 'aud'),
        sid: stringClaim(payload, 'sid'),
        iat: integerClaim(payload, 'iat'),
        exp: integerClaim(payload, 'exp'),
      }
      return { payload, claims }
    } catch (cause) {
      if (cause instanceof TokenError) throw cause
      if (cause instanceof errors.JWTExpired) throw new TokenError('Expired', 'the token has expired')
      if (cause instanceof errors.JWSSignatureVerificationFailed)
        throw new TokenError(
          'BadSignature',
          "the session's signature does not verify; a new password or SESSION_SECRET ends every session: sign in again",
        )
      throw new TokenError('Malformed', 'the token is not one of our sessions')
    }
  }

  return {
    mark: createHmac('sha256', key).update('mark').digest().readUIntBE(0, 6),
    mintAccess: ({ kind, ...claims }) => mint(ACCESS, { ...claims, scope: ACCESS_SCOPES[kind] }),
    mintRefresh: (claims) => mint(REFRESH, { ...claims, scope: REFRESH_SCOPE }),
    verifyAccess: async (token, now) => {
      const { claims, payload } = await verify(ACCESS, token, now)
      return { ...claims, kind: kindOf(payload.scope) }
    },
    verifyRefresh: async (token, now) => {
      const { claims, payload } = await verify(REFRESH, token, now)
      if (payload.scope !== REFRESH_SCOPE) throw wrongScope()
      return { ...claims, jti: stringClaim(payload, 'jti') }
    },
  }
}
