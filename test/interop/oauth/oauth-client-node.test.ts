/** Apps that use @atproto/oauth-client-node, on Cirrus and on the reference PDS: the same steps, and the same end of each. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Agent } from '@atproto/api'
import { OAuthCallbackError, type OAuthSession } from '@atproto/oauth-client-node'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from '../support/browser.ts'
import type { Decision } from './support/authorization.ts'
import { authorize } from './support/authorizationPage.ts'
import { authorizeByHttp } from './support/httpAuthorization.ts'
import { confidentialApp, loopbackApp, type App, type AppOptions } from './support/nodeClient.ts'
import { SERVERS, startWorld, type Server, type World } from './support/world.ts'

const POST = 'app.bsky.feed.post'
const FULL = 'atproto transition:generic'

let world: World
let browser: Browser
beforeAll(async () => {
  world = await startWorld()
  browser = await startBrowser()
})
afterAll(async () => {
  await browser?.close()
  await world?.[Symbol.asyncDispose]()
})

/** The whole way from the app to the owner and back. */
const signIn = async (server: Server, app: App, scope?: string): Promise<OAuthSession> => {
  const url = await app.client.authorize(server.handle, {
    state: 'what the app keeps',
    ...(scope && { scope }),
  })
  const { params } = await authorizeByHttp(server, { url, redirectUri: app.redirectUri })
  const { session, state } = await app.client.callback(params)
  expect(state).toBe('what the app keeps')
  return session
}

const post = (session: OAuthSession, text = 'hello') =>
  new Agent(session).com.atproto.repo.createRecord({
    repo: session.did,
    collection: POST,
    record: { $type: POST, text, createdAt: new Date().toISOString() },
  })

const missing = (scope: string) => ({
  status: 403,
  error: 'ScopeMissingError',
  message: `Missing required scope "${scope}"`,
})

/** What was sent to the app's redirect URI, and how. */
const answerOf = async (
  server: Server,
  app: App,
  { decision = 'approve', scripts }: { decision?: Decision; scripts: boolean },
) => {
  // An app that proves who it is may not be asked about again, unless it wants that.
  const url = await app.client.authorize(server.handle, { prompt: 'consent' })
  const request = { url, redirectUri: app.redirectUri, decision }
  return scripts ? authorize(browser, server, request) : authorizeByHttp(server, request)
}

describe.each(SERVERS)('on %s', (name) => {
  let server: Server
  beforeAll(() => {
    server = world.servers[name]
  })
  const network = () => ({ ...world, handleResolver: server.url })
  const apps = {
    loopback: async (options: AppOptions) => loopbackApp(network(), options),
    confidential: async (options: AppOptions) => confidentialApp(network(), options),
  }

  describe.each(['loopback', 'confidential'] as const)('a %s client', (kind) => {
    it('signs in, posts, and refreshes by itself when its token has expired', async () => {
      const app = await apps[kind]({ scope: FULL })
      const session = await signIn(server, app)
      expect(await session.getTokenInfo(false)).toMatchObject({
        iss: server.url,
        aud: `${server.url}/`,
        sub: server.did,
        scope: FULL,
        expired: false,
      })
      expect((await post(session)).data.uri).toContain(`at://${server.did}/${POST}/`)

      const first = app.sessions.get(server.did)?.tokenSet
      await world.shiftClock((server.accessSeconds + 60) * 1000)
      try {
        expect((await session.getTokenInfo(false)).expired).toBe(true)
        await post(session, 'after it expired')
        // A client that does not look at expires_in learns from the server that it has to refresh.
        const stored = app.sessions.get(server.did)
        if (!stored || !first) throw new Error('the session was not kept')
        expect(stored.tokenSet.access_token).not.toBe(first.access_token)
        expect(stored.tokenSet.refresh_token).not.toBe(first.refresh_token)
        const { expires_at: _, ...tokenSet } = stored.tokenSet
        app.sessions.set(server.did, { ...stored, tokenSet })
        await world.shiftClock(2 * (server.accessSeconds + 60) * 1000)
        await post(session, 'after it was refused')
        expect(app.sessions.get(server.did)?.tokenSet.access_token).not.toBe(tokenSet.access_token)
      } finally {
        await world.shiftClock(0)
      }
    })

    it('refreshes twice at once, and both can go on', async () => {
      const app = await apps[kind]({ scope: FULL })
      await signIn(server, app)
      const [one, two] = await Promise.all([
        app.client.restore(server.did, true),
        app.client.restore(server.did, true),
      ])
      for (const session of [one, two]) await post(session)
    })

    it('goes on with nothing but what was stored', async () => {
      const app = await apps[kind]({ scope: FULL })
      await signIn(server, app)
      const other = await apps[kind]({ scope: FULL, sessions: app.sessions })
      await post(await other.client.restore(server.did, true))
    })

    it('ends at once when it signs out, its tokens too', async () => {
      const app = await apps[kind]({ scope: FULL })
      const session = await signIn(server, app)
      const stored = app.sessions.get(server.did)
      await session.signOut()
      expect(app.sessions.get(server.did)).toBeUndefined()
      if (!stored) throw new Error('the session was not kept')
      app.sessions.set(server.did, stored)
      const again = await app.client.restore(server.did, false)
      await expect(post(again)).rejects.toMatchObject({ status: 401 })
      await expect(app.client.restore(server.did, true)).rejects.toThrow(/revoked|invalid|not found|session/i)
    })

    it('is told that the owner said no', async () => {
      const app = await apps[kind]({ scope: FULL })
      const { params } = await answerOf(server, app, { decision: 'deny', scripts: kind === 'confidential' })
      expect(Object.fromEntries(params)).toMatchObject({ error: 'access_denied', iss: server.url })
      await expect(app.client.callback(params)).rejects.toThrow(OAuthCallbackError)
      expect(app.sessions.values.size).toBe(0)
    })

    it('has its session ended when a refresh token is used a second time', async () => {
      const app = await apps[kind]({ scope: FULL })
      const session = await signIn(server, app)
      const stolen = app.sessions.get(server.did)
      if (!stolen) throw new Error('the session was not kept')
      await session.getTokenInfo(true)
      await post(session)
      const mine = app.sessions.get(server.did)
      app.sessions.set(server.did, stolen)
      await expect(app.client.restore(server.did, true)).rejects.toThrow()
      if (mine) app.sessions.set(server.did, mine)
      await expect(post(await app.client.restore(server.did, false))).rejects.toMatchObject({ status: 401 })
    })
  })

  it.each([
    { responseMode: 'query', method: 'GET', scripts: true },
    { responseMode: 'query', method: 'GET', scripts: false },
    { responseMode: 'form_post', method: 'POST', scripts: true },
    { responseMode: 'form_post', method: 'POST', scripts: false },
  ] as const)('answers by $responseMode, scripts: $scripts', async ({ responseMode, method, scripts }) => {
    const app = loopbackApp(network(), { scope: FULL, responseMode })
    const answer = await answerOf(server, app, { scripts })
    expect(answer.method).toBe(method)
    const { session } = await app.client.callback(answer.params)
    expect(session.did).toBe(server.did)
  })

  it('restores a session in another process', async () => {
    const app = loopbackApp(network(), { scope: FULL })
    await signIn(server, app)
    const [stored] = app.sessions.values.values()
    const { plcUrl } = world
    const input = { did: server.did, handleResolver: server.url, plcUrl, scope: FULL, stored }
    const script = join(import.meta.dirname, 'support', 'otherProcess.ts')
    const running = promisify(execFile)(process.execPath, [script])
    running.child.stdin?.end(JSON.stringify(input))
    expect((await running).stdout).toContain(`at://${server.did}/${POST}/`)
  })

  it('grants single permissions, and names the scope that is missing', async () => {
    const audience = `${world.appView.did}#bsky_appview`
    const rpc = `rpc:app.bsky.actor.getProfile?aud=${audience}`
    const scope = `atproto repo:${POST}?action=create blob:image/* ${rpc}`
    const session = await signIn(server, loopbackApp(network(), { scope }))
    const { repo } = new Agent(session).com.atproto
    const { data } = await post(session)
    const rkey = data.uri.split('/').at(-1) ?? ''
    await expect(repo.deleteRecord({ repo: session.did, collection: POST, rkey })).rejects.toMatchObject(
      missing(`repo:${POST}?action=delete`),
    )
    const like = 'app.bsky.feed.like'
    await expect(
      repo.createRecord({ repo: session.did, collection: like, record: { $type: like } }),
    ).rejects.toMatchObject(missing(`repo:${like}?action=create`))

    const upload = (encoding: string) => repo.uploadBlob(new Uint8Array([1, 2, 3]), { encoding })
    expect((await upload('image/png')).data.blob.mimeType).toBe('image/png')
    await expect(upload('text/plain')).rejects.toMatchObject(missing('blob:text/plain'))

    const profile = await session.fetchHandler(`/xrpc/app.bsky.actor.getProfile?actor=${session.did}`, {
      headers: { 'atproto-proxy': audience },
    })
    expect(await profile.json()).toMatchObject({ iss: session.did, lxm: 'app.bsky.actor.getProfile' })
    const timeline = await session.fetchHandler('/xrpc/app.bsky.feed.getTimeline', {
      headers: { 'atproto-proxy': audience },
    })
    expect(timeline.status).toBe(403)
    expect(await timeline.json()).toMatchObject({
      error: 'ScopeMissingError',
      message: `Missing required scope "rpc:app.bsky.feed.getTimeline?aud=${audience.replace('#', '%23')}"`,
    })
    const { data: who } = await new Agent(session).com.atproto.server.getSession()
    expect(who).toMatchObject({ did: server.did, handle: server.handle })
    expect(who).not.toHaveProperty('email')
  })

  it('grants the transitional scopes', async () => {
    const app = loopbackApp(network(), { scope: `${FULL} transition:email transition:chat.bsky` })
    const audience = `${world.appView.did}#bsky_appview`
    const status = async (session: OAuthSession, method: string) =>
      (await session.fetchHandler(`/xrpc/${method}`, { headers: { 'atproto-proxy': audience } })).status
    const all = await signIn(server, app)
    expect((await new Agent(all).com.atproto.server.getSession()).data.email).toBe(server.email)
    expect(await status(all, 'chat.bsky.convo.listConvos')).toBe(200)

    const generic = await signIn(server, app, FULL)
    expect((await new Agent(generic).com.atproto.server.getSession()).data.email).toBeUndefined()
    expect(await status(generic, 'chat.bsky.convo.listConvos')).toBe(403)
    expect(await status(generic, 'app.bsky.feed.getTimeline')).toBe(200)
    const { repo } = new Agent(generic).com.atproto
    const { data } = await post(generic)
    const rkey = data.uri.split('/').at(-1) ?? ''
    await repo.deleteRecord({ repo: generic.did, collection: POST, rkey })
    await repo.uploadBlob(new Uint8Array([1]), { encoding: 'text/plain' })
  })
})
