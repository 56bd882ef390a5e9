/** The account password. */
import { notConfigured } from '../../config.ts'
import { verifyPassword } from '../../crypto/password.ts'
import { Secret } from '../../crypto/secret.ts'
import { error } from '../../xrpc/errors.ts'
import type { Journal } from '../journal.ts'
import type { RateLimits } from './rateLimits.ts'
import type { Sessions, Tokens } from './sessions.ts'
import type { Sql } from '../db/sql.ts'

export interface SignInDeps {
  sql: Sql
  rate: RateLimits
  journal: Journal
  sessions: Sessions
  did: string
  handle: string
  passwordHash: Secret
  /** The handle that the DID document names, if it is known by now. */
  knownHandle(): string | undefined
}

/** Whether this is the account password. A PASSWORD_HASH that is none is told as what it is. */
export const isPassword = async (password: string, hash: Secret): Promise<boolean> => {
  try {
    return await verifyPassword(new Secret(password), hash)
  } catch (cause) {
    throw notConfigured(cause)
  }
}

/** `@Alice.Example`, `at://alice.example`: as people type it. */
const plain = (identifier: string): string =>
  identifier
    .trim()
    .replace(/^(at:\/\/|@)/, '')
    .toLowerCase()

/**
 * Opens a session for the account password. The identifier is the DID or a handle: the configured
 * one, which after a rotation is the old one that movers still use, or the one the DID document names.
 */
export const signIn = async (
  deps: SignInDeps,
  input: { identifier: string; password: string; network?: string | undefined },
): Promise<Tokens> => {
  const { sql, rate, journal, sessions, did, handle } = deps
  rate.signIn(input.network)
  const who = plain(input.identifier)
  const known = [did.toLowerCase(), handle.toLowerCase(), deps.knownHandle()?.toLowerCase()].includes(who)
  // The password is looked at in any case: the time that it takes says nothing about the identifier.
  const right = await isPassword(input.password, deps.passwordHash)
  if (known && right) return await sessions.create('sign-in')
  sql.transaction(() => journal.append('failed-sign-in', { why: known ? 'password' : 'identifier' }))
  throw error('AuthenticationRequired', 'Invalid identifier or password')
}
