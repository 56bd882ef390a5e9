/** Which scope opens what: the table that Cirrus is held to in workerd, asked of each server by an app that signed in. */
import type { OAuthSession } from '@atproto/oauth-client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  initOf,
  isOpen,
  SCOPE_NAMES,
  SCOPE_TABLE,
  type ScopeName,
  SCOPES,
} from '../../account/oauth/support/scopeTable.ts'
import { parallel } from '../../../src/parallel.ts'
import { authorizeByHttp } from './support/httpAuthorization.ts'
import { loopbackApp } from './support/nodeClient.ts'
import { SERVERS, startWorld, type Server, type World } from './support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const sessions = new Map<string, Promise<OAuthSession>>()

/** Of the one browser that the owner uses: they may sign in thirty times in five minutes, and let in as many apps as they like. */
const cookies = new Map<string, string>()

/** Once for each scope. */
const signIn = (server: Server, scope: string): Promise<OAuthSession> => {
  const key = `${server.name} ${scope}`
  const session = sessions.get(key) ?? signInAnew(server, scope)
  sessions.set(key, session)
  return session
}

const signInAnew = async (server: Server, scope: string): Promise<OAuthSession> => {
  const app = loopbackApp({ ...world, handleResolver: server.url }, { scope })
  const url = await app.client.authorize(server.did, { scope })
  const browser = server.name === 'cirrus' ? { cookies } : {}
  const { params } = await authorizeByHttp(server, { url, redirectUri: app.redirectUri, ...browser })
  return (await app.client.callback(params)).session
}

const answerOf = async (session: OAuthSession, path: string, init: RequestInit) => {
  const answer = await session.fetchHandler(`/xrpc/${path}`, init)
  const text = await answer.text()
  const error: unknown = answer.ok ? undefined : Object(JSON.parse(text || '{}')).error
  return { status: answer.status, error: typeof error === 'string' ? error : undefined }
}

describe.each(SERVERS)('scopes on %s', (name) => {
  it('open what the table says', async () => {
    const server = world.servers[name]
    const opened = new Map<string, ScopeName[]>(SCOPE_TABLE.map((row) => [row.name, []]))
    // Two pages at once would both ask the browser to sign in.
    await signIn(server, 'atproto')
    await parallel(SCOPE_NAMES, 2, async (scope) => {
      const session = await signIn(server, `atproto ${SCOPES[scope]}`.trim())
      for (const row of SCOPE_TABLE) {
        const request = row.request(server)
        const { status, error } = await answerOf(session, request.path, initOf(request))
        if (isOpen(status, error)) opened.get(row.name)?.push(scope)
      }
    })
    for (const row of SCOPE_TABLE) {
      const openTo = (name === 'reference' && row.onReference) || row.openTo
      const expected = openTo === 'all' ? SCOPE_NAMES : openTo
      expect.soft([row.name, opened.get(row.name)?.toSorted()]).toEqual([row.name, [...expected].toSorted()])
    }
  })

  it('give no token for every method here, which the reference gives', async () => {
    const session = await signIn(world.servers[name], 'atproto transition:generic')
    const answer = await answerOf(session, 'com.atproto.server.getServiceAuth?aud=did:web:new.example', {})
    expect(answer).toEqual(
      name === 'cirrus' ? { status: 400, error: 'InvalidRequest' } : { status: 200, error: undefined },
    )
  })

  it('that cannot be decoded are left out here, and an internal error of the reference', async () => {
    const signedIn = signIn(world.servers[name], 'atproto repo:% blob:image/png')
    if (name === 'cirrus')
      expect((await (await signedIn).getTokenInfo()).scope).toBe('atproto blob:image/png')
    else await expect(signedIn).rejects.toMatchObject({ status: 500 })
  })

  it('that are unknown are left out, and those that the app does not declare are refused', async () => {
    const server = world.servers[name]
    const { scope } = await (await signIn(server, 'atproto space:com.example blob:image/png')).getTokenInfo()
    expect(scope).toBe('atproto blob:image/png')
    const app = loopbackApp({ ...world, handleResolver: server.url }, { scope: 'atproto repo:*' })
    const ask = (scope: string) => app.client.authorize(server.did, { scope })
    for (const scope of ['atproto repo:com.example.note', 'atproto unknown', 'repo:*'])
      await expect(ask(scope)).rejects.toMatchObject({ status: 400, error: 'invalid_scope' })
    await expect(ask('atproto  repo:*')).rejects.toMatchObject({ status: 400 })
  })
})
