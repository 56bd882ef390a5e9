import { isValidNsid } from '@atproto/syntax'
import type { Config } from '../config.ts'
import type { Identity } from '../identity/identity.ts'
import { INTERNAL_PATHS } from '../internalPaths.ts'
import { outboundStream } from '../outboundStream.ts'
import type { Platform } from '../platform.ts'
import { proxying } from '../policy.ts'
import type { ViewsRpc } from '../viewPlan.ts'
import { error } from '../xrpc/errors.ts'
import { type Destination, destinationOf } from './destination.ts'
import { createForward } from './forward.ts'
import { READ_AFTER_WRITE, readAfterWrite } from './readAfterWrite.ts'
import { createServices } from './services.ts'

export interface ProxyDeps {
  config: Pick<Config, 'services' | 'origin' | 'dev'>
  identity: Pick<Identity, 'resolveDid'>
  platform: Pick<Platform, 'fetch' | 'now' | 'timer' | 'keepAlive'>
  /** Sends a request of the Worker's own to the account's object. */
  askAccount(question: Request): Promise<Response>
  /** The account's object, for read after write. */
  views: ViewsRpc
}

/** Forwards requests to other services, with tokens that the account's object signs. */
export interface Proxy {
  /** Answers a method that is not served here. Throws an XrpcError, or returns the answer of the object or the service. */
  answer(method: string, request: Request): Promise<Response>
}

export const createProxy = ({ config, identity, platform, askAccount, views }: ProxyDeps): Proxy => {
  const addressOf = createServices({ identity, platform, origin: config.origin })
  const forward = createForward(outboundStream(platform, config))

  /** The service token for a request, or the object's refusal. */
  const authorize = async (
    request: Request,
    question: Record<string, string>,
  ): Promise<string | Response> => {
    const url = new URL(INTERNAL_PATHS.authorizeProxy, config.origin)
    for (const [name, value] of Object.entries(question)) url.searchParams.set(name, value)
    const headers = new Headers()
    for (const name of ['authorization', 'cf-connecting-ip']) {
      const value = request.headers.get(name)
      if (value !== null) headers.set(name, value)
    }
    const answer = await askAccount(new Request(url, { headers }))
    if (!answer.ok) return answer
    // The object's own answer: see src/account/auth/authorizeProxy.ts.
    const { token } = await answer.json<{ token: string }>()
    return token
  }

  const forwardTo = async (destination: Destination, method: string, request: Request): Promise<Response> => {
    const token = await authorize(request, { lxm: method, aud: destination.did })
    if (token instanceof Response) return token
    const answer = await forward({ request, method, address: await addressOf(destination), token })
    if (!READ_AFTER_WRITE.has(method)) return answer
    const askService = (id: string, search: string) => {
      const headers = new Headers(request.headers)
      headers.set('accept-encoding', 'identity')
      return forwardTo(destination, id, new Request(`${config.origin}/xrpc/${id}${search}`, { headers }))
    }
    return await readAfterWrite({ method, request, answer, platform, views, askService })
  }

  return {
    answer: async (method, request) => {
      if (!['GET', 'HEAD', 'POST'].includes(request.method))
        throw error('InvalidRequest', `Incorrect HTTP method (${request.method}) expected GET or POST`)
      const rule = proxying(method)
      if (!rule.forward && rule.reserved)
        throw error('InvalidToken', `${method} manages the account, and is not called by this way`)
      if (!request.headers.has('authorization'))
        throw error('AuthMissing', `${method} needs the owner's session (createSession)`)
      if (!rule.forward || !isValidNsid(method))
        throw error('MethodNotImplemented', 'This server does not have that method, and it is not forwarded')
      const destination = destinationOf(config, method, request.headers.get('atproto-proxy'))
      return await forwardTo(destination, method, request)
    },
  }
}
