/** A browser without script, for pages of a world: it keeps cookies, sends what browsers send, and fills in forms. */
import { createPages } from '../../../src/pages/createPages.ts'
import { ORIGIN, type World } from '../../handlers/support/world.ts'

export interface Shown {
  status: number
  headers: Headers
  /** The whole page. */
  body: string
  /** Its text, without tags. */
  text: string
  /** The path that was asked for at last. */
  path: string
}

export interface Browser {
  cookies: Map<string, string>
  /** Sends a request as it is, beside the cookies. */
  send(path: string, init?: RequestInit): Promise<Response>
  /** Opens a page as a person does, and follows redirects within the server. */
  open(path: string, headers?: Record<string, string>): Promise<Shown>
  /** Sends the form of a page that has this text in it, with these fields filled in. */
  submit(
    page: Shown,
    form: string,
    fields?: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<Shown>
}

const unescaped = (text: string): string =>
  text
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&')

const attribute = (tag: string, name: string): string | undefined => {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return value === undefined ? undefined : unescaped(value)
}

/** The fields that a form has at first. */
const fieldsOf = (form: string): [string, string][] =>
  [...form.matchAll(/<input\b[^>]*>/g)].flatMap(([tag]) => {
    const name = attribute(tag, 'name')
    const isOff = attribute(tag, 'type') === 'checkbox' && !/\schecked\b/.test(tag)
    return name === undefined || isOff ? [] : [[name, attribute(tag, 'value') ?? ''] as [string, string]]
  })

/** The form of a page that has this text in it. */
export const formOf = (page: Shown, text: string): { to: string; fields: [string, string][] } => {
  const form = (page.body.match(/<form\b[\s\S]*?<\/form>/g) ?? []).find((form) => form.includes(text))
  if (form === undefined) throw new Error(`no form with ${JSON.stringify(text)} in: ${page.text}`)
  return { to: attribute(form, 'action') ?? '', fields: fieldsOf(form) }
}

const NAVIGATION = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'user-agent': 'Test/1.0' }

export const browse = (world: World, network = '192.0.2.7'): Browser => {
  const cookies = new Map<string, string>()

  const keep = (response: Response): void => {
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const [name = '', value = ''] = pair.split('=')
      if (/max-age=0/i.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
  }

  const send: Browser['send'] = async (path, init = {}) => {
    const pages = createPages({
      account: world.account,
      newId: () => 'bug',
      report: (_, cause) => world.bugs.push(cause),
    })
    const headers = new Headers(init.headers)
    if (!headers.has('cookie') && cookies.size > 0)
      headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    headers.set('cf-connecting-ip', network)
    const response = await pages.fetch(new Request(ORIGIN + path, { redirect: 'manual', ...init, headers }))
    keep(response)
    return response
  }

  const shown = async (path: string, response: Response): Promise<Shown> => {
    const location = response.headers.get('location')
    if (response.status === 303 && location?.startsWith('/'))
      return await open(location, { 'sec-fetch-site': 'same-origin' })
    const body = await response.text()
    const text = unescaped(body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' '))
    return { status: response.status, headers: response.headers, body, text, path }
  }

  const open: Browser['open'] = async (path, headers = {}) =>
    shown(path, await send(path, { headers: { ...NAVIGATION, 'sec-fetch-site': 'none', ...headers } }))

  const submit: Browser['submit'] = async (page, text, filled = {}, headers = {}) => {
    const { to, fields } = formOf(page, text)
    const body = new URLSearchParams({ ...Object.fromEntries(fields), ...filled })
    const response = await send(to, {
      method: 'POST',
      headers: {
        ...NAVIGATION,
        'sec-fetch-site': 'same-origin',
        origin: ORIGIN,
        referer: ORIGIN + page.path,
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      body: body.toString(),
    })
    return shown(to, response)
  }

  return { cookies, send, open, submit }
}
