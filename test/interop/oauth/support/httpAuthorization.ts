// The authorization page without a browser: what a browser would send, over HTTP. In a tenth of the time.
import { request as send } from 'node:http'
import type { Answer, Decision, SignIn } from './authorization.ts'

interface Request {
  url: URL | string
  redirectUri: string
  decision?: Decision
  /** Of a browser that goes on: it is signed in after the first time. Otherwise each request comes from another one. */
  cookies?: Map<string, string>
}

/** Signs in, decides, and gives what the client's redirect URI is sent. */
export const authorizeByHttp = (server: SignIn, request: Request): Promise<Answer> =>
  server.name === 'cirrus' ? byForms(server, request) : byApi(server, request)

interface Got {
  readonly status: number
  readonly location: string | undefined
  readonly text: string
}

/** A browser's requests to one server: its cookies, and the headers that say where a request comes from. */
class Tab {
  readonly #cookies: Map<string, string>
  readonly #server: SignIn
  /** What a browser would show as the address of the page. */
  #shown: URL

  constructor(server: SignIn, { url, cookies = new Map() }: Request) {
    this.#cookies = cookies
    this.#server = server
    this.#shown = new URL(url)
  }

  cookie(name: string): string | undefined {
    return this.#cookies.get(name)
  }

  /** Comes from the client. */
  enter(): Promise<Got> {
    return this.#open({ 'sec-fetch-site': 'cross-site' })
  }

  /** Follows a link or a redirect of the server itself. */
  follow(address: string): Promise<Got> {
    const referer = this.#shown.href
    this.#shown = new URL(address, this.#shown)
    return this.#open({ 'sec-fetch-site': 'same-origin', referer })
  }

  #open(headers: Record<string, string>): Promise<Got> {
    return this.#send(this.#shown, 'GET', {
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
      ...headers,
    })
  }

  /** Submits a form of the page. */
  submit(action: string, fields: URLSearchParams): Promise<Got> {
    const to = new URL(action, this.#shown)
    const from = this.#shown.href
    this.#shown = to
    return this.#send(
      to,
      'POST',
      {
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        'sec-fetch-site': 'same-origin',
        origin: this.#server.url,
        referer: from,
      },
      fields.toString(),
    )
  }

  /** What a script of the page asks for. */
  async ask(path: string, body: object, headers: Record<string, string>): Promise<Record<string, unknown>> {
    const { status, text } = await this.#send(
      new URL(path, this.#server.url),
      'POST',
      {
        'content-type': 'application/json',
        'sec-fetch-mode': 'same-origin',
        'sec-fetch-dest': 'empty',
        'sec-fetch-site': 'same-origin',
        origin: this.#server.url,
        referer: this.#shown.href,
        ...headers,
      },
      JSON.stringify(body),
    )
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`)
    // What each call answers is looked at where it is made.
    return JSON.parse(text) as Record<string, unknown>
  }

  /** By `node:http`, because `fetch` sets the headers of Fetch Metadata itself. */
  async #send(url: URL, method: string, headers: Record<string, string>, body = ''): Promise<Got> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const { promise, resolve, reject } = Promise.withResolvers<Got>()
    const request = send(
      `${this.#server.address}${url.pathname}${url.search}`,
      { method, headers: { accept: '*/*', 'accept-language': 'en', cookie, ...headers } },
      (response) => {
        for (const set of response.headers['set-cookie'] ?? []) {
          const [name = '', value = ''] = set.split(';')[0]?.split(/=(.*)/s) ?? []
          this.#cookies.set(name, value)
        }
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            location: response.headers.location,
            text: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
    return promise
  }
}

/** As the reference's page does it: its script asks for JSON. */
async function byApi(server: SignIn, request: Request): Promise<Answer> {
  const { redirectUri, decision = 'approve' } = request
  const tab = new Tab(server, request)
  await tab.enter()
  const api = '/@atproto/oauth-provider/~api'
  const csrf = { 'x-csrf-token': tab.cookie('csrf-token') ?? '' }
  const { handle: username, password, did } = server
  const login = { username, password, remember: false, locale: 'en' }
  const { ephemeralToken } = await tab.ask(`${api}/sign-in`, login, csrf)
  const authorization = { ...csrf, authorization: `Bearer ${String(ephemeralToken)}` }
  const decided =
    decision === 'approve'
      ? await tab.ask(`${api}/consent`, { did }, authorization)
      : await tab.ask(`${api}/reject`, {}, csrf)
  return answerIn(await tab.follow(String(decided['url'])), redirectUri)
}

/** As a browser without scripts does it on Cirrus: forms. */
async function byForms(server: SignIn, request: Request): Promise<Answer> {
  const { redirectUri, decision = 'approve' } = request
  const tab = new Tab(server, request)
  const open = async (got: Got): Promise<Got> => {
    let at = got
    for (let n = 0; at.location?.startsWith('/') || at.location?.startsWith(server.url); n++) {
      if (n === 20) throw new Error(`redirects do not end: ${at.location}`)
      at = await tab.follow(at.location)
    }
    return at
  }
  let page = await open(await tab.enter())
  const signIn = formsOf(page.text).find(({ fields }) => fields.has('password'))
  if (signIn) {
    signIn.fields.set('identifier', server.handle)
    signIn.fields.set('password', server.password)
    page = await open(await tab.submit(signIn.action, signIn.fields))
  }
  // An app that proves who it is is not asked about again.
  if (page.location !== undefined && decision === 'approve') return answerIn(page, redirectUri)
  const consent = formsOf(page.text).find(({ buttons }) => buttons.some(({ value }) => value === decision))
  const button = consent?.buttons.find(({ value }) => value === decision)
  if (!consent || !button) throw new Error(`there is no button to ${decision}: ${page.status} ${page.text}`)
  consent.fields.set(button.name, button.value)
  return answerIn(await open(await tab.submit(consent.action, consent.fields)), redirectUri)
}

/** The answer for the client in the redirect, or in the form that would be sent to it. */
function answerIn({ location, text, status }: Got, redirectUri: string): Answer {
  if (location !== undefined) {
    if (location.split(/[?#]/)[0] !== redirectUri) throw new Error(`it was sent to ${location}`)
    const { search, hash } = new URL(location)
    return { method: 'GET', params: new URLSearchParams(search || hash.slice(1)) }
  }
  const form = formsOf(text).find(({ action }) => action === redirectUri)
  if (!form) throw new Error(`there is no answer for ${redirectUri}: ${status} ${text}`)
  return { method: 'POST', params: form.fields }
}

interface Form {
  readonly action: string
  readonly fields: URLSearchParams
  readonly buttons: readonly { readonly name: string; readonly value: string }[]
}

/** The forms of a page that a server wrote: enough for tags with quoted attributes. */
function formsOf(html: string): Form[] {
  return [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, open = '', inside = '']) => {
    const fields = new URLSearchParams()
    for (const [, tag = ''] of inside.matchAll(/<input\b([^>]*)>/gs)) {
      const { name, value = '', type = 'text' } = attributesOf(tag)
      if (name !== undefined && (type !== 'checkbox' || 'checked' in attributesOf(tag)))
        fields.set(name, value)
    }
    const buttons = [...inside.matchAll(/<button\b([^>]*)>/gs)].flatMap(([, tag = '']) => {
      const { name, value } = attributesOf(tag)
      return name !== undefined && value !== undefined ? [{ name, value }] : []
    })
    return { action: attributesOf(open)['action'] ?? '', fields, buttons }
  })
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }

const attributesOf = (tag: string): Record<string, string> =>
  Object.fromEntries(
    [...tag.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map(([, name = '', value = '']) => [
      name,
      value.replaceAll(/&(amp|lt|gt|quot|#39);/g, (_, entity: string) => ENTITIES[entity] ?? ''),
    ]),
  )
