import { notConfigured } from '../../config.ts'
import { verifyPassword } from '../../crypto/password.ts'
import { Secret } from '../../crypto/secret.ts'
import { error } from '../../xrpc/errors.ts'
import type { IdentityWatch } from '../identity/identityWatch.ts'
import type { Journal } from '../journal.ts'
import type { RateLimits } from './rateLimits.ts'
import type { Sessions, TokenPair } from './sessions.ts'
import type { Sql } from '../db/sql.ts'

export interface SignInDeps {
  sql: Sql
  rateLimits: Pick<RateLimits, 'signIn'>
  journal: Journal
  sessions: Pick<Sessions, 'create'>
  did: string
  handle: string
  passwordHash: Secret
  identityWatch: Pick<IdentityWatch, 'last'>
}

export interface SignInInput {
  identifier: string
  password: string
  /** The network of the client, for the rate limits. */
  network?: string | undefined
  /** The User-Agent of the client, made safe to show. */
  client?: string | undefined
}

/** Whether the password has this hash, the deployment's PASSWORD_HASH. If PASSWORD_HASH is not a valid hash, the error says so. */
export const passwordMatches = async (password: string, hash: Secret): Promise<boolean> => {
  try {
    return await verifyPassword(new Secret(password), hash)
  } catch (cause) {
    throw notConfigured(cause)
  }
}

/** People also type `@Alice.Example` or `at://alice.example`. */
const normalize = (identifier: string): string =>
  identifier
    .trim()
    .replace(/^(at:\/\/|@)/, '')
    .toLowerCase()

/**
 * Opens a session for the account password. The identifier is the DID or a handle: the configured handle, which
 * migration tools still use after a PLC operation has changed it in the DID, or the handle that the latest observation
 * of the DID names.
 */
export const signIn = async (
  deps: SignInDeps,
  { identifier, password, network, client }: SignInInput,
): Promise<TokenPair> => {
  const { sql, rateLimits, journal, sessions, identityWatch, did, handle, passwordHash } = deps
  rateLimits.signIn(network)
  const names = [did.toLowerCase(), handle.toLowerCase(), identityWatch.last?.handle?.toLowerCase()]
  const isKnown = names.includes(normalize(identifier))
  // The password is checked in any case, so that the time it takes does not show whether the identifier was right.
  const isRight = await passwordMatches(password, passwordHash)
  if (isKnown && isRight) return await sessions.create({ via: 'createSession', client })
  sql.transaction(() => journal.append('failed-sign-in', { why: isKnown ? 'password' : 'identifier' }))
  throw error('AuthenticationRequired', 'Invalid identifier or password')
}
