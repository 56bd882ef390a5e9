import { newId as randomId } from '../crypto/newId.ts'
import { callerNetwork } from '../network.ts'
import { clientOf } from '../xrpc/client.ts'
import type { Account } from '../account/account.ts'
import { appPasswordsPage } from './account/appPasswordsPage.ts'
import { appsPage } from './account/appsPage.ts'
import { newAppPasswordPage } from './account/newAppPasswordPage.ts'
import { overviewPage } from './account/overviewPage.ts'
import { authorizePage } from './authorize/authorizePage.ts'
import { leavingPage } from './leaving/leavingPage.ts'
import { COOKIES, readCookie, setCookie } from './http/cookies.ts'
import { refusalOf } from './http/fetchMetadata.ts'
import { isFormToken } from './http/formTokens.ts'
import { readForm } from './http/readForm.ts'
import { createRespond } from './http/respond.ts'
import { isInsecure } from './isInsecure.ts'
import { errorPage } from './parts/errorPage.ts'
import { tokenOf } from './parts/form.ts'
import { passkeysPage } from './passkeys/passkeysPage.ts'
import { registerPage } from './passkeys/registerPage.ts'
import { signInPage } from './signIn/signInPage.ts'
import { signOut } from './signIn/signOut.ts'
import { chooseLanguage, isLanguage, TEXTS } from './text/texts.ts'
import { asOfNow, type Page, type Site, type Visit } from './visit.ts'

/** What the owner sees in a browser: signing in, consent, and the account. */
export interface Pages {
  fetch(request: Request): Promise<Response>
}

export interface PagesDeps {
  account: Account
  /** The id of a bug, which the log has too. */
  newId(): string
  report(id: string, cause: unknown): void
}

interface Route {
  get?: Page
  post?: Page
  /** Nobody has to be signed in: the page itself asks for it. */
  isOpen?: boolean
}

/** What a browser may send in which nobody is signed in. */
const UNSIGNED_ACTIONS = ['sign-in', 'cancel']
const LANGUAGE_S = 365 * 24 * 3600

const ROUTES: Readonly<Record<string, Route>> = {
  '/account': { get: overviewPage },
  '/account/apps': { get: appsPage.show, post: appsPage.post },
  '/account/app-passwords': { get: appPasswordsPage.show, post: appPasswordsPage.post },
  '/account/app-passwords/new': { get: newAppPasswordPage.show, post: newAppPasswordPage.post },
  '/account/leaving': { get: leavingPage },
  '/account/passkeys': { get: passkeysPage.show, post: passkeysPage.post },
  '/account/passkeys/register': { get: registerPage.show, post: registerPage.post, isOpen: true },
  '/account/sign-out': { post: signOut },
  '/oauth/authorize': { get: authorizePage, post: authorizePage, isOpen: true },
}

const routeOf = (path: string): Route | undefined => (Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined)

/**
 * The pages. Each request passes the same gate, in this order: its method, where it comes from, its form's token, who is
 * signed in. A page that runs may rely on all of it.
 */
export const createPages = ({ account, newId, report }: PagesDeps): Pages => {
  const { config, platform, oauth } = account
  const site: Site = { account, respond: createRespond(config.dev) }
  const insecure = isInsecure(config)

  const visitOf = (request: Request, url: URL): Visit => {
    const secret = readCookie(request, COOKIES.signIn, insecure)
    const signIn = secret === undefined ? undefined : oauth.browserSignIns.find(secret)
    const known = readCookie(request, COOKIES.browser, insecure)
    const browser = known && /^[0-9a-f]{32}$/.test(known) ? known : randomId(platform.random)
    const chosen = readCookie(request, COOKIES.language, insecure)
    const language = chooseLanguage({ chosen, acceptLanguage: request.headers.get('accept-language') })
    return {
      request,
      url,
      form: new URLSearchParams(),
      language,
      text: TEXTS[language],
      chosen,
      signedIn: signIn && secret !== undefined ? { signIn, secret } : undefined,
      browser,
      cookies: browser === known ? [] : [setCookie(COOKIES.browser, browser, { insecure })],
      network: callerNetwork(request.headers),
      client: clientOf(request.headers.get('user-agent')),
    }
  }

  /** Keeps the language that was chosen by a link, and shows the same page in it. */
  const switchLanguage = ({ url, cookies }: Visit, language: string): Response => {
    const query = new URLSearchParams(url.search)
    query.delete('lang')
    const to = query.size > 0 ? `${url.pathname}?${query}` : url.pathname
    const cookie = setCookie(COOKIES.language, language, { insecure, maxAgeS: LANGUAGE_S })
    return site.respond.redirect(to, [...cookies, cookie])
  }

  const refuse = (visit: Visit, message: string, status: number): Promise<Response> =>
    errorPage(site, visit, {
      message,
      status,
      to: { href: visit.url.pathname + visit.url.search, label: visit.text.error.again },
    })

  const post = async (visit: Visit, { post, isOpen }: Route): Promise<Response> => {
    const { text, request } = visit
    const form = await readForm(request, platform)
    if (!form) return refuse(visit, text.error.form, 400)
    const sent = asOfNow(site, { ...visit, form })
    const action = form.get('action') ?? ''
    const isSigningIn = action === 'sign-in'
    const expected = tokenOf(sent, UNSIGNED_ACTIONS.includes(action) ? 'sign in' : 'signed in')
    // The sign-in has ended meanwhile: the page asks for a new one.
    if (expected === undefined)
      return site.respond.redirect(visit.url.pathname + visit.url.search, visit.cookies)
    if (!isFormToken(form.get('token') ?? '', expected)) return refuse(visit, text.error.stale, 403)
    if (isSigningIn && !isOpen) return await signInPage.post(site, sent)
    if (!post || (!sent.signedIn && !isOpen)) return refuse(visit, text.error.method, 405)
    return await post(site, sent)
  }

  const answer = async (request: Request): Promise<Response> => {
    const url = new URL(request.url)
    const { method } = request
    // By http, a password could be read on its way before anything here refuses the form.
    if (method === 'GET' && url.protocol === 'http:' && config.origin.startsWith('https:'))
      return site.respond.redirect(config.origin + url.pathname + url.search)
    const asset = method === 'GET' ? site.respond.asset(url.pathname) : undefined
    if (asset) return asset
    const visit = visitOf(request, url)
    const { text } = visit
    const route = routeOf(url.pathname)
    if (!route) return await errorPage(site, visit, { message: text.error.notFound, status: 404 })
    if (method !== 'GET' && method !== 'POST')
      return await errorPage(site, visit, { message: text.error.method, status: 405 })
    const refusal = refusalOf(request, config.origin)
    if (refusal === 'embedded')
      return await errorPage(site, visit, { message: text.error.embedded, status: 403 })
    if (refusal === 'foreign')
      return await errorPage(site, visit, { message: text.error.foreign(config.origin), status: 403 })
    if (method === 'POST') return await post(visit, route)
    const wanted = url.searchParams.get('lang')
    if (isLanguage(wanted)) return switchLanguage(visit, wanted)
    if (!route.get) return site.respond.redirect('/account', visit.cookies)
    return await (visit.signedIn || route.isOpen ? route.get(site, visit) : signInPage.show(site, visit))
  }

  return {
    fetch: async (request) => {
      const isHead = request.method === 'HEAD'
      const asked = isHead ? new Request(request, { method: 'GET' }) : request
      try {
        const response = await answer(asked)
        return isHead ? new Response(null, response) : response
      } catch (cause) {
        const id = newId()
        report(id, cause)
        const visit = visitOf(asked, new URL(asked.url))
        return await errorPage(site, visit, { message: visit.text.error.bug(id), status: 500 })
      }
    },
  }
}
