import type { Account } from '../account/account.ts'
import type { BrowserSignIn } from '../account/oauth/signIns/types.ts'
import type { Respond } from './http/respond.ts'
import type { Texts } from './text/en.ts'
import { chooseLanguage, type Language, TEXTS } from './text/texts.ts'

/** What all pages are made from. */
export interface Site {
  account: Account
  respond: Respond
}

/** A request for a page, let in: it comes from a window of a browser, and a form of ours where it is a POST. */
export interface Visit {
  request: Request
  url: URL
  /** The fields that were sent; none for GET. */
  form: URLSearchParams
  language: Language
  text: Texts
  /** The language that was chosen by a link, if one was. */
  chosen: string | undefined
  /** Undefined: nobody is signed in in this browser. */
  signedIn: { signIn: BrowserSignIn; secret: string } | undefined
  /** The cookie that the form for signing in is bound to. */
  browser: string
  /** The Set-Cookie headers of the answer. */
  cookies: string[]
  network: string | undefined
  /** The User-Agent, made safe to show. */
  client: string | undefined
}

/** Answers a visit. */
export type Page = (site: Site, visit: Visit) => Response | Promise<Response>

/** The same visit in the language that an app asks for, unless another was chosen. */
export const inLanguage = (visit: Visit, uiLocales: readonly string[]): Visit => {
  const acceptLanguage = visit.request.headers.get('accept-language')
  const language = chooseLanguage({ chosen: visit.chosen, uiLocales, acceptLanguage })
  return { ...visit, language, text: TEXTS[language] }
}

/** The same visit as it is now: reading a form and asking an app's server take time, in which a sign-in may have ended. */
export const asOfNow = ({ account }: Site, visit: Visit): Visit =>
  visit.signedIn && !account.oauth.browserSignIns.find(visit.signedIn.secret)
    ? { ...visit, signedIn: undefined }
    : visit
