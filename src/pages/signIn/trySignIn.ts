import { REMEMBERED_MS } from '../../account/oauth/signIns/browserSignIns.ts'
import { XrpcError } from '../../xrpc/errors.ts'
import { COOKIES, setCookie } from '../http/cookies.ts'
import { isInsecure } from '../isInsecure.ts'
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

/** Signs the browser in with what the form has: the cookie, which is a new one each time, is set with the answer. */
export const trySignIn = async (site: Site, visit: Visit): Promise<SignInProblem | undefined> => {
  const { form, text, network, client, signedIn } = visit
  const remember = form.get('remember') === 'yes'
  try {
    const secret = await site.account.signInToPages({
      identifier: form.get('identifier') ?? '',
      password: form.get('password') ?? '',
      remember,
      network,
      client,
      replaces: signedIn?.secret,
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
