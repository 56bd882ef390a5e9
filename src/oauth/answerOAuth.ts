import type { Account } from '../account/account.ts'
import type { Call } from '../account/oauth/call.ts'
import { callerNetwork } from '../network.ts'
import { type BugReport, encodeOAuthError } from './encodeOAuthError.ts'
import { readParameters } from './readParameters.ts'

type Endpoint = (oauth: Account['oauth'], call: Call) => Promise<Response>

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  '/oauth/par': async (oauth, call) => Response.json(await oauth.push(call), { status: 201 }),
  '/oauth/token': async (oauth, call) => Response.json(await oauth.token(call)),
  '/oauth/revoke': async (oauth, call) => {
    await oauth.revoke(call)
    return Response.json({})
  },
}

/** What apps call to get access, and to give it back; undefined for other paths. The Worker adds CORS. */
export const answerOAuth = async (
  { oauth, platform }: Pick<Account, 'oauth' | 'platform'>,
  request: Request,
  bugs: BugReport,
): Promise<Response | undefined> => {
  const { pathname, href } = new URL(request.url)
  const endpoint = Object.hasOwn(ENDPOINTS, pathname) ? ENDPOINTS[pathname] : undefined
  if (!endpoint) return /^\/oauth(?:\/|$)/.test(pathname) ? new Response(null, { status: 404 }) : undefined
  if (request.method !== 'POST') return new Response(null, { status: 405, headers: { allow: 'POST' } })
  const respond = async (): Promise<Response> => {
    try {
      return await endpoint(oauth, {
        params: await readParameters(request, platform),
        proof: request.headers.get('dpop'),
        url: href,
        network: callerNetwork(request.headers),
      })
    } catch (cause) {
      return encodeOAuthError(cause, bugs)
    }
  }
  const response = await respond()
  response.headers.set('cache-control', 'no-store')
  response.headers.set('pragma', 'no-cache')
  response.headers.set('dpop-nonce', oauth.dpop.nonce())
  return response
}
