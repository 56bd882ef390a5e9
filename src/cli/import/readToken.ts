/** A migration token, read before it is used: whoever types it in should hear at once what is wrong with it. */
import { TokenError } from '../../crypto/errors.ts'
import { decodeJws } from '../../crypto/jws.ts'
import { MIGRATION_TYP, type Scope } from '../../signing/migrationToken.ts'
import { CliError } from '../errors.ts'
import { plain } from '../output.ts'

export interface TokenFacts {
  target: string | undefined
  expires: number
  scope: readonly string[]
}

export interface Expected {
  did: string
  origin: string
  serviceDid: string
  now: number
  /** What is still to be done with it. */
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

/** Reads the claims; only the source can verify the signature, and it will. */
export function readToken(token: string, expected: Expected): TokenFacts {
  const { header, payload } = decode(token)
  const { iss, aud, target, exp, scope } = payload
  if (header['typ'] !== MIGRATION_TYP)
    throw new CliError(
      'token-wrong-type',
      `this is no migration token but a ${plain(String(header['typ'] ?? 'JWS'))}`,
    )
  if (iss !== expected.did)
    throw new CliError(
      'token-wrong-issuer',
      `the token is of ${plain(String(iss))}, this server is for ${expected.did}`,
    )
  if (typeof exp !== 'number' || exp * 1000 <= expected.now)
    throw new CliError('token-expired', 'the token has expired: it is valid for 15 minutes')
  if (target !== undefined && (target !== expected.origin || aud !== expected.serviceDid))
    throw new CliError(
      'token-wrong-audience',
      `the token is for ${plain(String(target))}, this server is ${expected.origin}`,
      {
        next: `on the source: pds migrate-token --target ${expected.origin}`,
      },
    )
  const scopes = typeof scope === 'string' ? scope.split(' ') : []
  const lacking = expected.needs.filter((name) => !scopes.includes(name))
  if (lacking.length > 0) throw new CliError('token-scope', `the token does not allow ${lacking.join(', ')}`)
  if (target === undefined && expected.needs.includes('plc:sign'))
    throw new CliError(
      'token-untargeted',
      'the token names no target, and as a Bearer such a token signs nothing',
      {
        next: `on the source: pds migrate-token --target ${expected.origin}`,
      },
    )
  return { target: typeof target === 'string' ? target : undefined, expires: exp * 1000, scope: scopes }
}
