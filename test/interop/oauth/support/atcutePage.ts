// The script of a page that uses @atcute/oauth-browser-client: bundled for it, and driven by what it puts on `window`.
import { Client } from '@atcute/client'
import {
  CompositeDidDocumentResolver,
  LocalActorResolver,
  PlcDidDocumentResolver,
  WebDidDocumentResolver,
  XrpcHandleResolver,
} from '@atcute/identity-resolver'
import { isActorIdentifier, isDid } from '@atcute/lexicons/syntax'
import {
  configureOAuth,
  createAuthorizationUrl,
  finalizeAuthorization,
  getSession,
  OAuthUserAgent,
} from '@atcute/oauth-browser-client'

const POST = 'app.bsky.feed.post'

/** What the page has to know. */
export interface Settings {
  readonly plcUrl: string
  readonly handleResolver: string
  readonly clientId: string
  readonly redirectUri: string
  readonly scope: string
}

const configure = (settings: Settings) =>
  configureOAuth({
    metadata: { client_id: settings.clientId, redirect_uri: settings.redirectUri },
    identityResolver: new LocalActorResolver({
      handleResolver: new XrpcHandleResolver({ serviceUrl: settings.handleResolver }),
      didDocumentResolver: new CompositeDidDocumentResolver({
        methods: {
          plc: new PlcDidDocumentResolver({ apiUrl: settings.plcUrl }),
          web: new WebDidDocumentResolver(),
        },
      }),
    }),
  })

const agentOf = async (did: string) => {
  if (!isDid(did)) throw new Error(`not a DID: ${did}`)
  return new OAuthUserAgent(await getSession(did, { allowStale: true }))
}

/** What the test calls. Each call may come after the page was loaded again, so it says everything that it needs. */
const app = {
  async signIn(settings: Settings, handle: string) {
    configure(settings)
    if (!isActorIdentifier(handle)) throw new Error(`not a handle: ${handle}`)
    const { scope } = settings
    const url = await createAuthorizationUrl({ target: { type: 'account', identifier: handle }, scope })
    return url.href
  },
  async finish(settings: Settings, hash: string) {
    configure(settings)
    const { session } = await finalizeAuthorization(new URLSearchParams(hash.slice(1)))
    return session.info.sub
  },
  async post(settings: Settings, did: string, text: string) {
    configure(settings)
    const agent = await agentOf(did)
    const record = { $type: POST, text, createdAt: new Date().toISOString() }
    const input = { repo: agent.sub, collection: POST, record } as const
    const { ok } = await new Client({ handler: agent }).post('com.atproto.repo.createRecord', { input })
    return ok
  },
  async refresh(settings: Settings, did: string) {
    configure(settings)
    await (await agentOf(did)).getSession({ noCache: true })
  },
  async signOut(settings: Settings, did: string) {
    configure(settings)
    await (await agentOf(did)).signOut()
  },
}

Object.assign(globalThis, { app })
