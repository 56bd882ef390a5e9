import type { Failures } from '../limits/failures.ts'
import { isOwner, type IsOwnerDeps } from './isOwner.ts'
import type { Passwords } from './passwords.ts'
import type { BrowserSignIns, BrowserSigningIn } from '../../oauth/signIns/types.ts'

export interface SignInToPagesDeps extends IsOwnerDeps {
  passwords: Passwords
  failures: Pick<Failures, 'signIn' | 'signedIn'>
  browserSignIns: Pick<BrowserSignIns, 'open'>
}

export interface SignInToPagesInput extends Omit<BrowserSigningIn, 'via'> {
  identifier: string
  password: string
  /** The network of the browser, for the rate limits. */
  network: string | undefined
}

/**
 * Signs a browser in by the account password, and returns the secret for its cookie; undefined where identifier or password
 * is wrong. An app password opens no page: it is for one app, and pages can do everything. Counts and throws as
 * `Passwords.whose` does.
 */
export const signInToPages = async (
  { passwords, failures, browserSignIns, ...deps }: SignInToPagesDeps,
  { identifier, password, network, ...signIn }: SignInToPagesInput,
): Promise<string | undefined> => {
  const isKnown = isOwner(deps, identifier)
  // The password is checked in any case, so that the time it takes does not show whether the identifier was right.
  const owner = await passwords.whose(password, network, false)
  if (isKnown && owner?.kind === 'account') {
    failures.signedIn()
    return browserSignIns.open({ via: 'password', ...signIn })
  }
  failures.signIn(isKnown ? 'password' : 'identifier')
  return undefined
}
