import { REMEMBERED_MS } from '../../account/oauth/signIns/browserSignIns.ts'
import type { BrowserSigningIn } from '../../account/oauth/signIns/types.ts'
import { XrpcError } from '../../xrpc/errors.ts'
import { COOKIES, setCookie } from '../http/cookies.ts'
import { isInsecure } from '../isInsecure.ts'
import { sentAnswer } from '../passkeys/passkeyButton.ts'
import { passkeyProblem } from '../passkeys/passkeyProblem.ts'
import type { Site, Visit } from '../visit.ts'

/** Why a browser was not signed in, and the status of the page that says so. */
export interface SignInProblem {
  message: string
  status: number
  headers?: Record<string, string>
}

/** The cookie of a sign-in. */
export const signInCookie = ({ account }: Site, secret: string, remember: boolean): string =>
  setCookie(COOKIES.signIn, secret, {
    insecure: isInsecure(account.config),
    ...(remember && { maxAgeS: REMEMBERED_MS / 1000 }),
  })

/** By a passkey: nothing can be guessed, so no limit counts it, which strangers could use up. */
const byPasskey = async (
  site: Site,
  visit: Visit,
  answer: unknown,
  signIn: Omit<BrowserSigningIn, 'via'>,
): Promise<SignInProblem | undefined> => {
  const { oauth, failures } = site.account
  try {
    await oauth.passkeys.signIn(answer)
  } catch (cause) {
    return { message: passkeyProblem(visit, cause), status: 403 }
  }
  failures.signedIn()
  const secret = oauth.browserSignIns.open({ via: 'passkey', ...signIn })
  visit.cookies.push(signInCookie(site, secret, signIn.remember))
  return undefined
}

/** Signs the browser in with what the form has: the cookie, which is a new one each time, is set with the answer. */
export const trySignIn = async (site: Site, visit: Visit): Promise<SignInProblem | undefined> => {
  const { form, text, network, client, signedIn } = visit
  const { account } = site
  const remember = form.get('remember') === 'yes'
  const signIn = { remember, client, replaces: signedIn?.secret }
  const answer = sentAnswer(visit)
  if (answer !== undefined) return await byPasskey(site, visit, answer, signIn)
  if (!account.oauth.passkeys.isPasswordEnabled()) return { message: text.signIn.passwordOff, status: 403 }
  try {
    const secret = await account.signInToPages({
      identifier: form.get('identifier') ?? '',
      password: form.get('password') ?? '',
      network,
      ...signIn,
    })
    if (secret === undefined) return { message: text.signIn.wrong, status: 403 }
    visit.cookies.push(signInCookie(site, secret, remember))
    return undefined
  } catch (cause) {
    if (!(cause instanceof XrpcError) || cause.error !== 'RateLimitExceeded') throw cause
    const seconds = cause.headers['retry-after'] ?? '1'
    return { message: text.signIn.tooMany(Number(seconds)), status: 429, headers: { 'retry-after': seconds } }
  }
}
