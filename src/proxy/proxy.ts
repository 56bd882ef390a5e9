import { isValidNsid } from '@atproto/syntax'
import type { Config } from '../config.ts'
import { withNonce } from '../dpopNonce.ts'
import { IdentityError } from '../identity/errors.ts'
import type { MethodId } from '../generated/methods.ts'
import type { Identity } from '../identity/identity.ts'
import { outboundStream } from '../outboundStream.ts'
import type { Platform } from '../platform.ts'
import { type Proxying, proxying } from '../policy.ts'
import type { ViewsRpc } from '../viewPlan.ts'
import { error } from '../xrpc/errors.ts'
import { AccountRefusal, type Caller, callerOf, createAccountQuestions } from './accountQuestions.ts'
import { COLLECT_MS } from './collectTime.ts'
import { APP_VIEW_ID, type Destination, destinationOf, isThisServer } from './destination.ts'
import { createFeedAudience } from './feedAudience.ts'
import { createForeignRepos, REPO_READS } from './foreignRepos.ts'
import { createForward } from './forward.ts'
import { createHeldBytes } from './heldBytes.ts'
import { NOTIFICATIONS_ID, PUSH_METHODS, readPushService } from './pushService.ts'
import { READ_AFTER_WRITE, readAfterWrite } from './readAfterWrite.ts'
import { createServices } from './services.ts'

export interface ProxyDeps {
  config: Pick<Config, 'did' | 'services' | 'origin' | 'previous' | 'dev'>
  identity: Pick<Identity, 'isOwnHandle' | 'resolveDid' | 'resolveHandle' | 'send'>
  platform: Pick<Platform, 'fetch' | 'now' | 'timer' | 'keepAlive'>
  /** Sends a request of the Worker's own to the account's object. */
  askAccount(question: Request): Promise<Response>
  /** The account's object, for read after write. */
  views: ViewsRpc
  /** A name for a request, which nobody else has. */
  newId(): string
}

/** Forwards requests to other services, with tokens that the account's object signs. */
export interface Proxy {
  /** Answers a method that is not served here. Throws an XrpcError, or returns the answer of the object or the service. */
  answer(method: string, request: Request): Promise<Response>
  /** The same for one that is served here, where the request is for another service; undefined where it is for us. */
  answerServed(method: MethodId, request: Request): Promise<Response | undefined>
}

const GET_FEED = 'app.bsky.feed.getFeed'

/** Of answers that are merged, at once: the account's object gets each of them, and has 128 MB. */
const MAX_HELD_BYTES = 20 * 1024 * 1024
/** A merge takes less: the answer, then what it is completed with, and the object. */
const LOST_HOLD_MS = COLLECT_MS + 10_000

/** A service as scopes name it. */
const serviceOf = ({ did, id }: Destination): string => `${did}#${id}`

const sessionFor = (rule: Proxying): string =>
  `the owner's session (createSession with the account password or ${rule.forward && rule.who.appPassword === undefined ? 'a privileged' : 'an'} app password)`

/** Served here, but a request may name another AppView, which keeps its own. */
const PREFERENCES: ReadonlySet<string> = new Set([
  'app.bsky.actor.getPreferences',
  'app.bsky.actor.putPreferences',
])

export const createProxy = ({ config, identity, platform, askAccount, views, newId }: ProxyDeps): Proxy => {
  const { appView } = config.services
  const account = createAccountQuestions({ origin: config.origin, askAccount })
  const addressOf = createServices({ identity, platform })
  const forward = createForward(outboundStream(platform, config), platform.timer)
  const feedAudience = createFeedAudience({ send: identity.send, platform })
  const beginHold = createHeldBytes({
    now: platform.now,
    maxBytes: MAX_HELD_BYTES,
    lostMs: LOST_HOLD_MS,
  })
  const readForeignRepo = createForeignRepos({
    config,
    identity,
    platform,
    addressOf,
    addressForStrangers: createServices({ identity, platform }),
    account,
    forward,
    newId,
  })

  const addressFor = async (destination: Destination, method: string): Promise<string> => {
    try {
      const address = await addressOf(destination)
      if (!isThisServer(config, address)) return address
    } catch (cause) {
      if (!(cause instanceof IdentityError)) throw cause
      if (cause.retryable) throw error('UpstreamFailure', `${cause.message}; try again`)
      throw error('InvalidRequest', `the service could not be found: ${cause.message}`)
    }
    throw error(
      'InvalidRequest',
      `#${destination.id} of ${destination.did} is this server, which does not have ${method}`,
    )
  }

  const forwardTo = async (
    destination: Destination,
    method: string,
    request: Request,
    caller: Caller,
  ): Promise<Response> => {
    const { token, head, nonce } = await account.sign(caller, method, serviceOf(destination), destination.did)
    const address = await addressFor(destination, method)
    if (!READ_AFTER_WRITE.has(method))
      return withNonce(await forward({ request, method, address, token }), nonce)
    const answer = await forward({ request, method, address, token, readable: true })
    const askService = (id: string, search: string) => {
      const headers = new Headers(request.headers)
      headers.set('accept-encoding', 'identity')
      const question = new Request(`${config.origin}/xrpc/${id}${search}`, { headers })
      return forwardTo(destination, id, question, caller)
    }
    const read = { method, request, answer, head, platform, views, beginHold, askService }
    return withNonce(await readAfterWrite(read), nonce)
  }

  /** The token is for the service that makes the feed, and the AppView passes it on. */
  const getFeed = async (destination: Destination, request: Request, caller: Caller): Promise<Response> => {
    const feed = new URL(request.url).searchParams.get('feed')
    if (feed === null) throw error('InvalidRequest', 'Error: Params must have the property "feed"')
    const keyAt = (address: string): string => `${appView?.url ?? address} ${feed}`
    // Nobody is asked for a stranger.
    if (destination.url === undefined || !feedAudience.has(keyAt(destination.url)))
      await account.authorize(caller, GET_FEED, serviceOf(destination))
    const address = await addressFor(destination, GET_FEED)
    const key = keyAt(address)
    const aud = await feedAudience.get(key)
    const { token, nonce } = await account.sign(caller, GET_FEED, serviceOf(destination), aud)
    return withNonce(await forward({ request, method: GET_FEED, address, token }), nonce)
  }

  const push = async (method: string, request: Request, caller: Caller): Promise<Response> => {
    await account.authorize(caller, method)
    const { serviceDid: did, request: again } = await readPushService(request, platform)
    const url = did === appView?.did ? { url: appView.url } : {}
    return await forwardTo({ did, id: NOTIFICATIONS_ID, ...url }, method, again, caller)
  }

  const answer = async (method: string, request: Request): Promise<Response> => {
    if (!['GET', 'HEAD', 'POST'].includes(request.method))
      throw error('InvalidRequest', `Incorrect HTTP method (${request.method}) expected GET or POST`)
    const rule = proxying(method)
    if (!rule.forward && rule.reserved)
      throw error('InvalidToken', `${method} manages the account, and is not forwarded`)
    if (!request.headers.has('authorization'))
      throw error('AuthMissing', `${method} needs ${sessionFor(rule)}`)
    if (!rule.forward || !isValidNsid(method))
      throw error('MethodNotImplemented', 'This server does not have that method, and it is not forwarded')
    const caller = callerOf(request, newId())
    if (PUSH_METHODS.has(method) && request.method === 'POST') return await push(method, request, caller)
    const destination = destinationOf(config, method, request.headers.get('atproto-proxy'))
    return method === GET_FEED
      ? await getFeed(destination, request, caller)
      : await forwardTo(destination, method, request, caller)
  }

  const answerServed = async (method: MethodId, request: Request): Promise<Response | undefined> => {
    if (REPO_READS.has(method)) return await readForeignRepo(method, request)
    const header = request.headers.get('atproto-proxy')
    if (!PREFERENCES.has(method) || header === null) return undefined
    const { id, did } = destinationOf(config, method, header)
    return id === APP_VIEW_ID && did === appView?.did ? undefined : await answer(method, request)
  }

  const orRefusal = async <T>(work: Promise<T>): Promise<T | Response> => {
    try {
      return await work
    } catch (cause) {
      if (cause instanceof AccountRefusal) return cause.answer
      throw cause
    }
  }
  return {
    answer: (method, request) => orRefusal(answer(method, request)),
    answerServed: (method, request) => orRefusal(answerServed(method, request)),
  }
}
