import { TokenError } from '../../../crypto/errors.ts'
import { decodeJws } from '../../../crypto/jws.ts'
import type { JsonObject } from '../../../isObject.ts'
import { OAuthError } from '../oauthError.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const MAX_BYTES = 8 * 1024
const AHEAD_S = 10
const AGE_S = 60
/** How long an assertion can be valid, in milliseconds. */
export const ASSERTION_LIFETIME_MS = (AHEAD_S + AGE_S) * 1000

/** None other: a token that was made for something else must not prove a client. */
const TYPES = [undefined, 'JWT', 'jwt', 'client-authentication+jwt']

export const invalidClient = (why: string) =>
  new OAuthError('invalid_client', `the client could not be authenticated: ${why}`)

const decode = (assertion: string): { header: JsonObject; payload: JsonObject } => {
  try {
    return decodeJws(assertion, MAX_BYTES)
  } catch (cause) {
    if (cause instanceof TokenError) throw invalidClient(`client_assertion: ${cause.message}`)
    throw cause
  }
}

/** Only for this server: one that is for others as well could be sent on by them. */
const isForUs = (aud: unknown, issuer: string): boolean => {
  const all: unknown[] = Array.isArray(aud) ? aud : [aud]
  return (
    all.includes(issuer) &&
    all.every((it) => typeof it === 'string' && (it === issuer || it.startsWith(`${issuer}/`)))
  )
}

export interface ReadAssertionOptions {
  clientId: string
  issuer: string
  /** The alg that the client declares. */
  alg: string
  /** In milliseconds. */
  now: number
}

/** Everything of a client's assertion but its signature (RFC 7523, section 3). Throws OAuthError `invalid_client`. */
export const readAssertion = (
  assertion: string,
  { clientId, issuer, alg, now: nowMs }: ReadAssertionOptions,
): { kid: string; jti: string } => {
  const { header, payload } = decode(assertion)
  const now = nowMs / 1000
  const { typ, kid } = header
  const { iss, sub, aud, iat, exp, nbf, jti } = payload
  if (!TYPES.some((it) => it === typ)) throw invalidClient('client_assertion is of another type')
  if (header.alg !== alg)
    throw invalidClient(`client_assertion is not signed with ${alg}, as the client declares`)
  if (typeof kid !== 'string' || kid === '') throw invalidClient('client_assertion has no kid')
  if (iss !== clientId || sub !== clientId)
    throw invalidClient('iss and sub of client_assertion must be the client_id')
  if (!isForUs(aud, issuer)) throw invalidClient(`aud of client_assertion must be ${issuer}`)
  if (typeof iat !== 'number' || iat > now + AHEAD_S || iat < now - AGE_S)
    throw invalidClient(`iat of client_assertion must be a time within the last ${AGE_S} seconds`)
  // Clients without exp are in use; iat ends their assertions all the same.
  if (exp !== undefined && !(typeof exp === 'number' && exp > now))
    throw invalidClient('client_assertion has expired')
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + AHEAD_S))
    throw invalidClient('client_assertion is not valid yet')
  if (typeof jti !== 'string' || jti === '') throw invalidClient('client_assertion has no jti')
  return { kid, jti }
}
