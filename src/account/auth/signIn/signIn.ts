import { error } from '../../../xrpc/errors.ts'
import type { Failures } from '../limits/failures.ts'
import { isOwner, type IsOwnerDeps } from './isOwner.ts'
import type { Passwords } from './passwords.ts'
import type { Sessions, TokenPair } from '../sessions/sessions.ts'

export interface SignInDeps extends IsOwnerDeps {
  passwords: Passwords
  failures: Pick<Failures, 'signIn' | 'signedIn'>
  sessions: Pick<Sessions, 'create'>
}

export interface SignInInput {
  identifier: string
  password: string
  /** The network of the client, for the rate limits. */
  network?: string | undefined
  /** The User-Agent of the client, made safe to show. */
  client?: string | undefined
}

/** Opens a session for the account password or an app password, with an identifier that `isOwner` knows. */
export const signIn = async (
  deps: SignInDeps,
  { identifier, password, network, client }: SignInInput,
): Promise<TokenPair> => {
  const { passwords, failures, sessions } = deps
  const isKnown = isOwner(deps, identifier)
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
