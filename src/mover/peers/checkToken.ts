import { TokenError } from '../../crypto/errors.ts'
import { decodeJws } from '../../crypto/jws.ts'
import { MIGRATION_TYP, type Scope } from '../../signing/migrationToken.ts'
import { MoverError } from '../moverError.ts'

/** What a migration token has to be for this move. */
export interface ExpectedToken {
  did: string
  /** The target's origin and its service DID. */
  origin: string
  serviceDid: string
  /** In milliseconds since the epoch. */
  now: number
  /** The scopes that the move still needs. */
  needs: readonly Scope[]
}

const decode = (token: string) => {
  try {
    return decodeJws(token)
  } catch (cause) {
    if (!(cause instanceof TokenError)) throw cause
    throw new MoverError('token-malformed', cause.message, { cause })
  }
}

/**
 * Reads a migration token and throws if it cannot serve this move, so that its owner learns at once what is wrong with
 * it. The signature is not checked here: the source verifies it. Returns the scopes.
 */
export function checkToken(token: string, expected: ExpectedToken): readonly string[] {
  const { header, payload } = decode(token)
  const { iss, aud, target, exp, scope } = payload
  const next = `on the source: pds migrate-token --target ${expected.origin}`
  if (header['typ'] !== MIGRATION_TYP)
    throw new MoverError(
      'token-wrong-type',
      `this is not a migration token but a ${String(header['typ'] ?? 'JWS')}`,
    )
  if (iss !== expected.did)
    throw new MoverError(
      'token-wrong-issuer',
      `the token is for the account ${String(iss)}, and ${expected.did} is to move`,
    )
  if (typeof exp !== 'number' || exp * 1000 <= expected.now)
    throw new MoverError('token-expired', 'the token has expired: it is valid for 15 minutes')
  if (target !== undefined && (target !== expected.origin || aud !== expected.serviceDid))
    throw new MoverError(
      'token-wrong-audience',
      `the token is for ${String(target)}, and the account moves to ${expected.origin}`,
      { next },
    )
  const scopes = typeof scope === 'string' ? scope.split(' ') : []
  const missing = expected.needs.filter((name) => !scopes.includes(name))
  if (missing.length > 0)
    throw new MoverError('token-scope', `the token does not allow ${missing.join(', ')}`)
  if (target === undefined && expected.needs.includes('plc:sign'))
    throw new MoverError(
      'token-untargeted',
      'the token names no target, and as the only credential such a token signs no operation',
      { next },
    )
  return scopes
}
