import { COOKIES, setCookie } from '../http/cookies.ts'
import { isInsecure } from '../isInsecure.ts'
import type { Site, Visit } from '../visit.ts'

/** Ends the sign-in of this browser. */
export const signOut = ({ account, respond }: Site, { signedIn, cookies }: Visit): Response => {
  if (signedIn) account.oauth.browserSignIns.end(signedIn.signIn.id)
  const cookie = setCookie(COOKIES.signIn, '', { insecure: isInsecure(account.config), maxAgeS: 0 })
  return respond.redirect('/account', [...cookies, cookie])
}
