/**
 * Apps that use @atcute/oauth-node-client. It speaks https only, so both servers are called by public names: what they
 * say of themselves, and what proofs are checked against, is then another origin than the one that they listen at.
 */
import { Client } from '@atcute/client'
import {
  CompositeDidDocumentResolver,
  LocalActorResolver,
  PlcDidDocumentResolver,
  WebDidDocumentResolver,
  XrpcHandleResolver,
} from '@atcute/identity-resolver'
import { isActorIdentifier } from '@atcute/lexicons/syntax'
import {
  generateClientAssertionKey,
  MemoryStore,
  OAuthClient,
  type OAuthSession,
  type StoredSession,
  type StoredState,
} from '@atcute/oauth-node-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLIENT_ORIGIN } from './support/clientHost.ts'
import { authorizeByHttp } from './support/httpAuthorization.ts'
import { SERVERS, startWorld, type Server, type World } from './support/world.ts'

const POST = 'app.bsky.feed.post'
const SCOPE = `atproto repo:${POST}`
const LOOPBACK_REDIRECT = 'http://127.0.0.1:9/callback'
const REDIRECT = `${CLIENT_ORIGIN}/callback`

let world: World
beforeAll(async () => {
  world = await startWorld({ publicNames: true })
})
afterAll(() => world?.[Symbol.asyncDispose]())

const resolverOf = ({ url }: Server) =>
  new LocalActorResolver({
    handleResolver: new XrpcHandleResolver({ serviceUrl: url, fetch: world.fetch }),
    didDocumentResolver: new CompositeDidDocumentResolver({
      methods: {
        plc: new PlcDidDocumentResolver({ apiUrl: world.plcUrl }),
        web: new WebDidDocumentResolver(),
      },
    }),
  })

const post = (session: OAuthSession, text: string) =>
  new Client({ handler: session }).post('com.atproto.repo.createRecord', {
    input: {
      repo: session.did,
      collection: POST,
      record: { $type: POST, text, createdAt: new Date().toISOString() },
    },
  })

describe.each(SERVERS)('on %s', (name) => {
  let server: Server
  beforeAll(() => {
    server = world.servers[name]
  })

  const common = () => ({
    actorResolver: resolverOf(server),
    fetch: world.fetch,
    stores: {
      sessions: new MemoryStore<string, StoredSession>(),
      states: new MemoryStore<string, StoredState>(),
    },
  })

  const loopback = () => {
    const client = new OAuthClient({
      ...common(),
      metadata: { redirect_uris: [LOOPBACK_REDIRECT], scope: SCOPE },
    })
    return { client, redirectUri: LOOPBACK_REDIRECT }
  }

  const confidential = async () => {
    const client = new OAuthClient({
      ...common(),
      keyset: [await generateClientAssertionKey('main', 'ES256')],
      metadata: {
        client_id: `${CLIENT_ORIGIN}/atcute-${name}.json`,
        client_name: 'An app of the tests',
        redirect_uris: [REDIRECT],
        scope: SCOPE,
        jwks_uri: `${CLIENT_ORIGIN}/atcute-${name}-jwks.json`,
      },
    })
    world.clients.publish(`/atcute-${name}.json`, client.metadata)
    world.clients.publish(`/atcute-${name}-jwks.json`, client.jwks)
    return { client, redirectUri: REDIRECT }
  }

  it.each([
    ['public', loopback],
    ['confidential', confidential],
  ] as const)('a %s client signs in, posts, refreshes, and signs out', async (_, make) => {
    const { client, redirectUri } = await make()
    const identifier = server.handle
    if (!isActorIdentifier(identifier)) throw new Error(`not a handle: ${identifier}`)
    const { url } = await client.authorize({
      target: { type: 'account', identifier },
      state: { from: 'the app' },
    })
    const { params } = await authorizeByHttp(server, { url, redirectUri })
    const { session, state } = await client.callback(params)
    expect(state).toEqual({ from: 'the app' })
    expect(session.did).toBe(server.did)
    expect(await post(session, 'hello')).toMatchObject({ ok: true })

    const { expiresAt } = await session.getTokenInfo(false)
    await world.shiftClock((server.accessSeconds + 60) * 1000)
    try {
      expect(await post(session, 'after it expired')).toMatchObject({ ok: true })
      expect((await session.getTokenInfo(false)).expiresAt?.getTime()).toBeGreaterThan(Number(expiresAt))
    } finally {
      await world.shiftClock(0)
    }
    const restored = await client.restore(session.did, { refresh: true })
    expect(await post(restored, 'refreshed')).toMatchObject({ ok: true })
    await restored.signOut()
    await expect(client.restore(session.did)).rejects.toThrow()
  })

  it('is told that the owner said no', async () => {
    const { client, redirectUri } = loopback()
    const { url } = await client.authorize({ target: { type: 'pds', serviceUrl: server.url } })
    const { params } = await authorizeByHttp(server, { url, redirectUri, decision: 'deny' })
    expect(params.get('iss')).toBe(server.url)
    await expect(client.callback(params)).rejects.toMatchObject({ error: 'access_denied' })
  })
})
