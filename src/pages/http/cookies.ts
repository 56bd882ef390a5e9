/** The cookies of the pages. XRPC never looks at them. */
export const COOKIES = {
  /** The secret of the sign-in. */
  signIn: 'cirrus-sign-in',
  /** What the form for signing in is bound to, in a browser that is not signed in. */
  browser: 'cirrus-browser',
  /** The language that was chosen. */
  language: 'cirrus-language',
} as const

export interface CookieOptions {
  /** Plain http in development: no browser would send a cookie that is `Secure` there. */
  insecure: boolean
  /** Left out: until the browser is closed. 0: the cookie is deleted. */
  maxAgeS?: number
}

/** `__Host-`: the browser takes it over https only, from this host only, and no subdomain can set it. */
const nameOf = (name: string, insecure: boolean): string => (insecure ? name : `__Host-${name}`)

/** A cookie of a request; undefined also where there are two of its name, because one of them was planted. */
export const readCookie = (request: Request, name: string, insecure: boolean): string | undefined => {
  const prefix = `${nameOf(name, insecure)}=`
  const found = (request.headers.get('cookie') ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(prefix))
  return found.length === 1 ? found[0]?.slice(prefix.length) : undefined
}

/** A `Set-Cookie` header. Lax, so that the browser sends it when an app sends the owner here. */
export const setCookie = (name: string, value: string, { insecure, maxAgeS }: CookieOptions): string =>
  [
    `${nameOf(name, insecure)}=${value}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Lax',
    ...(insecure ? [] : ['Secure']),
    ...(maxAgeS === undefined ? [] : [`Max-Age=${maxAgeS}`]),
  ].join('; ')
