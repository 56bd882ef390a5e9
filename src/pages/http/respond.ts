import { ASSETS } from '../../generated/assets.ts'

export interface PageOptions {
  status?: number
  headers?: Record<string, string>
  /** Set-Cookie headers. */
  cookies?: readonly string[]
  /** The page has our script, which may ask this server. */
  script?: boolean
  /**
   * The browser may go on to another site by what a form of this page leads to: Chromium holds `form-action` against the
   * redirect that follows, too.
   */
  leadsAway?: boolean
}

const YEAR_S = 31_536_000

const policyOf = ({ script = false, leadsAway = false }: PageOptions): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    ...(script ? ["script-src 'self'", "connect-src 'self'"] : []),
    ...(leadsAway ? [] : ["form-action 'self'"]),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

/** The headers of everything that the pages answer. No other site may frame, embed, open or read it. */
const securityHeaders = (dev: boolean): Record<string, string> => ({
  // no-referrer would have browsers send `Origin: null` with forms.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  ...(!dev && { 'strict-transport-security': `max-age=${YEAR_S}` }),
})

/** Answers of the pages, with the headers that keep other sites out. */
export interface Respond {
  page(markup: string, options?: PageOptions): Response
  /** 303: whatever the method was, the browser follows with GET. */
  redirect(location: string, cookies?: readonly string[]): Response
  /** One of `ASSETS`, which the browser keeps for ever; undefined for any other path. */
  asset(path: string): Response | undefined
}

export const createRespond = (dev: boolean): Respond => {
  const build = (body: string | null, status: number, headers: Record<string, string>): Response =>
    new Response(body, {
      status,
      headers: { ...securityHeaders(dev), 'cache-control': 'no-store', ...headers },
    })

  const withCookies = (response: Response, cookies: readonly string[] = []): Response => {
    for (const cookie of cookies) response.headers.append('set-cookie', cookie)
    return response
  }

  return {
    page: (markup, options = {}) => {
      const { status = 200, headers, cookies } = options
      const all = {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': policyOf(options),
        ...headers,
      }
      return withCookies(build(markup, status, all), cookies)
    },
    redirect: (location, cookies) => withCookies(build(null, 303, { location }), cookies),
    asset: (path) => {
      const asset = Object.values(ASSETS).find((asset) => asset.path === path)
      return (
        asset &&
        build(asset.body, 200, {
          'content-type': asset.type,
          'cache-control': `public, max-age=${YEAR_S}, immutable`,
        })
      )
    },
  }
}
