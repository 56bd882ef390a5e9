import { error } from '../../xrpc/errors.ts'
import type { IdentityWatch } from '../identity/identityWatch.ts'
import type { Failures } from './failures.ts'
import type { Passwords } from './passwords.ts'
import type { Sessions, TokenPair } from './sessions.ts'

export interface SignInDeps {
  passwords: Passwords
  failures: Pick<Failures, 'signIn' | 'signedIn'>
  sessions: Pick<Sessions, 'create'>
  did: string
  /** The account's handle now. */
  handle(): string
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

/** People also type `@Alice.Example` or `at://alice.example`. */
const normalize = (identifier: string): string =>
  identifier
    .trim()
    .replace(/^(at:\/\/|@)/, '')
    .toLowerCase()

/**
 * Opens a session for the account password. The identifier is the DID or a handle: the account's own, which
 * migration tools still use after a PLC operation has changed it in the DID, or the handle that the latest observation
 * of the DID names.
 */
export const signIn = async (
  deps: SignInDeps,
  { identifier, password, network, client }: SignInInput,
): Promise<TokenPair> => {
  const { passwords, failures, sessions, identityWatch, did, handle } = deps
  const names = [did.toLowerCase(), handle(), identityWatch.last?.handle?.toLowerCase()]
  const isKnown = names.includes(normalize(identifier))
  // The password is checked in any case, so that the time it takes does not show whether the identifier was right.
  const isRight = await passwords.matches(password, network)
  if (isKnown && isRight) {
    const tokens = await sessions.create({ via: 'createSession', client })
    failures.signedIn()
    return tokens
  }
  failures.signIn(isKnown ? 'password' : 'identifier')
  throw error('AuthenticationRequired', 'Invalid identifier or password')
}
