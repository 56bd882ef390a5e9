/** Redirects of programs on the owner's machine: addresses, because the name localhost could be resolved elsewhere. */
const LOOPBACK = new Set(['127.0.0.1', '[::1]'])
const LOCAL = /^[^.]+$|\.(?:test|local|localhost|invalid|example)$/
const MAX_LENGTH = 2048

export const isLoopback = ({ protocol, hostname }: URL): boolean =>
  protocol === 'http:' && LOOPBACK.has(hostname)

const isHttps = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' && (hostname.startsWith('[') || !LOCAL.test(hostname)) && !LOOPBACK.has(hostname)

/** `com.example.app:/callback` for a client at app.example.com: nobody else can name that scheme. */
const isOwnScheme = ({ protocol, href }: URL, clientHost: string): boolean =>
  clientHost.includes('.') &&
  protocol === `${clientHost.split('.').toReversed().join('.')}:` &&
  href.startsWith(`${protocol}/`) &&
  !href.startsWith(`${protocol}//`)

/** Why a client must not declare this redirect URI; undefined if it may. */
export const redirectProblem = (
  uri: unknown,
  client: { isNative: boolean; host: string },
): string | undefined => {
  // The URL parser would leave out tabs and line breaks.
  if (typeof uri !== 'string' || uri.length > MAX_LENGTH || !/^[\x21-\x7e]+$/.test(uri) || !URL.canParse(uri))
    return 'is not a URL'
  const url = new URL(uri)
  if (url.username || url.password) return 'has credentials'
  if (uri.includes('#')) return 'has a fragment'
  if (isHttps(url) && uri.startsWith('https://')) return undefined
  const isForNative = (isLoopback(url) && uri.startsWith('http://')) || isOwnScheme(url, client.host)
  if (!isForNative)
    return "is neither https on a public name, nor http on 127.0.0.1 or [::1], nor of the client's own scheme"
  return client.isNative ? undefined : 'is for clients with the application_type native'
}
