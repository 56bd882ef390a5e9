import { Router } from 'itty-router'
import { notConfigured, readConfig, type Config, type Env } from './config.ts'
import { corsify, preflight } from './worker/cors.ts'
import { loadSigningKey } from './signing/keys.ts'
import { objectAt } from './dataLocation.ts'
import { createRouter } from './generated/server.ts'
import { workerHandlers } from './handlers/index.ts'
import { createIdentity, type Identity } from './identity/identity.ts'
import { createOwnIdentity, type ReadOwnIdentity } from './identity/ownIdentity.ts'
import { BODY_TIMES, LIMITS } from './limits.ts'
import { log, logBug, methodOf } from './log.ts'
import { authorizationServer, cachedJson, JWKS, protectedResource } from './oauth/metadata.ts'
import { encodeOAuthError } from './oauth/encodeOAuthError.ts'
import { createPlatform, type Platform } from './platform.ts'
import { createProxy, type Proxy } from './proxy/proxy.ts'
import { createRequestLimits, type RequestLimits } from './worker/requestLimits.ts'
import { frontPage } from './worker/frontPage.ts'
import { VERSION } from './version.ts'
import type { ViewsRpc } from './viewPlan.ts'
import { isPagePath } from './pages/isPagePath.ts'
import { encodeError } from './xrpc/output.ts'
import { createRuntime } from './xrpc/runtime.ts'

export { AccountObject } from './object.ts'
export { PasswordObject } from './passwordObject.ts'

interface Context {
  config: Config
  identity: Identity
  own: ReadOwnIdentity
  proxy: Proxy
  platform: Platform
  requestLimits: RequestLimits
  env: Env
}

const newId = (): string => crypto.randomUUID()

/** How old the handle on the front page may be. */
const PAGE_AGE_MS = 30_000

const accountOf = (env: Env, { did, dataLocation }: Config) => objectAt(env.ACCOUNT, did, dataLocation)

/** Forwards the request unchanged: streams, upgrades and typed errors pass through. */
const toAccount = (request: Request, { env, config }: Context): Promise<Response> =>
  accountOf(env, config).fetch(request)

const xrpc = createRouter(
  workerHandlers,
  createRuntime<Context, { kind: 'anyone'; grants: 'anyone' }>({
    // What runs in the Worker is open to anyone in every state, whatever credential is sent.
    authorize: async () => ({
      auth: { kind: 'anyone', grants: 'anyone' },
      anonymous: true,
      permit: () => {},
      act: (work) => work(),
    }),
    timer: ({ platform }) => platform.timer,
    forward: async (request, context, id) =>
      (await context.proxy.answerServed(id, request)) ?? toAccount(request, context),
    unserved: (method, request, { proxy }) => proxy.answer(method, request),
    limits: LIMITS,
    times: BODY_TIMES,
    newId,
    report: logBug,
  }),
)

const text = (body: string): Response =>
  new Response(body, { headers: { 'content-type': 'text/plain; charset=utf-8' } })

/** What is not XRPC, to the account's object: it counts for the limits as all else does. */
const toLimited = async (request: Request, context: Context): Promise<Response> => {
  try {
    return await context.requestLimits.run(request, () => toAccount(request, context))
  } catch (cause) {
    return encodeOAuthError(cause, { newId, report: logBug })
  }
}

const router = Router<Request, [Context]>({
  before: [preflight],
  finally: [corsify],
})
  .all('/xrpc/_health', () => Response.json({ version: VERSION }))
  .all('/xrpc/*', async (request, context) => {
    try {
      return await context.requestLimits.run(request, () => xrpc.fetch(request, context))
    } catch (cause) {
      return encodeError(cause, newId, logBug)
    }
  })

const PAGES: Record<string, (context: Context) => Response | Promise<Response>> = {
  '/.well-known/did.json': async ({ identity }) => Response.json(await identity.ownDocument()),
  '/.well-known/atproto-did': ({ config }) => text(config.did),
  // Where password managers look for the page to change a password on.
  '/.well-known/change-password': () =>
    new Response(null, { status: 303, headers: { location: '/account' } }),
  '/.well-known/oauth-protected-resource': ({ config }) => cachedJson(protectedResource(config)),
  '/.well-known/oauth-authorization-server': ({ config }) => cachedJson(authorizationServer(config)),
  '/oauth/jwks': () => cachedJson(JWKS),
  '/robots.txt': () => text('User-agent: *\nAllow: /\n'),
  '/': async ({ config, own }) => text(frontPage(config, (await own(PAGE_AGE_MS)).handle)),
}
for (const [path, page] of Object.entries(PAGES)) {
  router.get(path, (_, context) => page(context))
  router.head(path, async (_, context) => new Response(null, await page(context)))
}
router.all('/oauth/*', toLimited)
router.all(
  '*',
  () =>
    new Response('Not found. This is an AT Protocol PDS; its methods are under /xrpc/.\n', { status: 404 }),
)

/** Made once per isolate: reading the configuration and deriving the public key take a millisecond. */
let made: { env: Env; context: Promise<Context> } | undefined

const contextOf = (env: Env): Promise<Context> => {
  if (made?.env !== env) made = { env, context: createContext(env) }
  return made.context
}

async function createContext(env: Env): Promise<Context> {
  const config = readConfig(env)
  // A key that is malformed is an error here too, and not only where it is used.
  await loadSigningKey(config.secrets.signingKey)
  const platform = createPlatform(env)
  const own = createOwnIdentity({
    platform,
    ask: () => accountOf(env, config).ownIdentity(),
  })
  const identity = createIdentity(config, own, platform)
  const askAccount = (question: Request) => accountOf(env, config).fetch(question)
  const views: ViewsRpc = {
    planView: (request) => accountOf(env, config).planView(request),
    mergeView: (...merge) => accountOf(env, config).mergeView(...merge),
  }
  const proxy = createProxy({ config, identity, platform, askAccount, views, newId })
  const requestLimits = createRequestLimits({ ...config, now: platform.now })
  return { env, config, platform, own, identity, proxy, requestLimits }
}

/** The clock of a Worker moves only while it waits for something: `ms` is until the headers of the answer. */
const logRequest = ({ method: verb, url, headers }: Request, { status }: Response, ms: number): void =>
  log('log', {
    event: 'request',
    verb,
    method: methodOf(url),
    status,
    ms,
    ray: headers.get('cf-ray')?.slice(0, 40),
  })

/** The Worker: answers CORS, the well-known documents and the probes itself; forwards the rest to the account's object. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      const context = await contextOf(env)
      const { platform, config } = context
      const begun = platform.now()
      // No other site may read what the owner's browser is shown: pages are never open to other origins.
      const response = isPagePath(new URL(request.url).pathname)
        ? await toLimited(request, context)
        : await router.fetch(request, context)
      // On one's own machine wrangler shows the requests.
      if (!config.dev) logRequest(request, response, platform.now() - begun)
      return response
    } catch (cause) {
      made = undefined
      return corsify(encodeError(notConfigured(cause), newId, logBug))
    }
  },
} satisfies ExportedHandler<Env>
