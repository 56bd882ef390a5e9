import { error } from '../../../xrpc/errors.ts'
import type { IdentityWatch } from '../../identity/identityWatch.ts'
import type { Failures } from '../limits/failures.ts'
import type { Passwords } from './passwords.ts'
import type { Sessions, TokenPair } from '../sessions/sessions.ts'

export interface SignInDeps {
  passwords: Passwords
  failures: Pick<Failures, 'signIn' | 'signedIn'>
  sessions: Pick<Sessions, 'create'>
  did: string
  /** The account's handle now. */
  handle(): string
  email: string | undefined
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
 * Opens a session for the account password or an app password. The identifier is the DID, the configured e-mail address,
 * or a handle: the account's own, which migration tools still use after a PLC operation has changed it in the DID, or
 * the one that the latest observation of the DID names.
 */
export const signIn = async (
  deps: SignInDeps,
  { identifier, password, network, client }: SignInInput,
): Promise<TokenPair> => {
  const { passwords, failures, sessions, identityWatch, did, handle, email } = deps
  const names = [did, handle(), identityWatch.last?.handle, email].map((name) => name?.toLowerCase())
  const isKnown = names.includes(normalize(identifier))
  // The password is checked in any case, so that the time it takes does not show whether the identifier was right.
  const owner = await passwords.whose(password, network, isKnown)
  if (isKnown && owner) {
    const appPassword = owner.kind === 'app' ? owner.appPassword : undefined
    const tokens = await sessions.create({ via: 'createSession', client, appPassword })
    // Failed sign-ins are for the owner to see, and an app does not show them.
    if (!appPassword) failures.signedIn()
    return tokens
  }
  failures.signIn(isKnown ? 'password' : 'identifier')
  throw error('AuthenticationRequired', 'Invalid identifier or password')
}
