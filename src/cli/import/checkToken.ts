import { TokenError } from '../../crypto/errors.ts'
import { decodeJws } from '../../crypto/jws.ts'
import { MIGRATION_TYP, type Scope } from '../../signing/migrationToken.ts'
import { CliError } from '../errors.ts'

/** What a migration token says. */
export interface TokenFacts {
  target: string | undefined
  /** In milliseconds since the epoch. */
  expiresAt: number
  scope: readonly string[]
}

/** What a migration token has to be for this import. */
export interface Expected {
  did: string
  origin: string
  serviceDid: string
  /** In milliseconds since the epoch. */
  now: number
  /** The scopes that the import still needs. */
  needs: readonly Scope[]
}

const decode = (token: string) => {
  try {
    return decodeJws(token)
  } catch (cause) {
    if (!(cause instanceof TokenError)) throw cause
    throw new CliError('token-malformed', cause.message, { cause })
  }
}

/**
 * Reads a migration token and throws if it cannot serve this import, so that the user learns at once what is wrong with
 * it. The signature is not checked here: the source verifies it.
 */
export function checkToken(token: string, expected: Expected): TokenFacts {
  const { header, payload } = decode(token)
  const { iss, aud, target, exp, scope } = payload
  if (header['typ'] !== MIGRATION_TYP)
    throw new CliError(
      'token-wrong-type',
      `this is not a migration token but a ${String(header['typ'] ?? 'JWS')}`,
    )
  if (iss !== expected.did)
    throw new CliError(
      'token-wrong-issuer',
      `the token is for the account ${String(iss)}, and this server is for ${expected.did}`,
    )
  if (typeof exp !== 'number' || exp * 1000 <= expected.now)
    throw new CliError('token-expired', 'the token has expired: it is valid for 15 minutes')
  if (target !== undefined && (target !== expected.origin || aud !== expected.serviceDid))
    throw new CliError(
      'token-wrong-audience',
      `the token is for ${String(target)}, and this server is ${expected.origin}`,
      {
        next: `on the source: pds migrate-token --target ${expected.origin}`,
      },
    )
  const scopes = typeof scope === 'string' ? scope.split(' ') : []
  const missing = expected.needs.filter((name) => !scopes.includes(name))
  if (missing.length > 0) throw new CliError('token-scope', `the token does not allow ${missing.join(', ')}`)
  if (target === undefined && expected.needs.includes('plc:sign'))
    throw new CliError(
      'token-untargeted',
      'the token names no target, and as the only credential such a token signs no operation',
      {
        next: `on the source: pds migrate-token --target ${expected.origin}`,
      },
    )
  return { target: typeof target === 'string' ? target : undefined, expiresAt: exp * 1000, scope: scopes }
}
