import { describe, expect, it } from 'vitest'
import { inWorld, ORIGIN } from '../handlers/support/world.ts'
import { CALLBACK, CLIENT_HOST, CLIENT_ID, createApp, said } from './support/app.ts'

const UNKNOWN = { code: 'invalid_request' }

describe('a pushed request', () => {
  it('is answered once: with a code, or with an error', () =>
    inWorld({}, async (world) => {
      const { authorizations } = world.account.oauth
      const app = await createApp(world)
      const approved = await app.request()
      await authorizations.approve(approved, CLIENT_ID)
      const refused = await app.request()
      expect(await authorizations.refuse(refused, CLIENT_ID, 'access_denied')).toEqual({
        uri: CALLBACK,
        mode: 'query',
        params: {
          iss: ORIGIN,
          state: 'the-state',
          error: 'access_denied',
          error_description: 'the owner of the account did not let the app in',
        },
      })
      for (const uri of [approved, refused]) {
        await expect(authorizations.find(uri, CLIENT_ID)).rejects.toMatchObject(UNKNOWN)
        await expect(authorizations.approve(uri, CLIENT_ID)).rejects.toMatchObject(UNKNOWN)
        await expect(authorizations.refuse(uri, CLIENT_ID, 'access_denied')).rejects.toMatchObject(UNKNOWN)
      }
      expect(world.account.sql.all('SELECT id FROM oauth_grant')).toHaveLength(1)
    }))

  it('waits for five minutes', () =>
    inWorld({}, async (world) => {
      const { authorizations } = world.account.oauth
      const app = await createApp(world)
      const requestUri = await app.request()
      world.clock.now += 5 * 60_000 - 1
      expect((await authorizations.find(requestUri, CLIENT_ID)).expanded).toContain('atproto')
      world.clock.now += 1
      await expect(authorizations.find(requestUri, CLIENT_ID)).rejects.toMatchObject(UNKNOWN)
      await expect(authorizations.approve(requestUri, CLIENT_ID)).rejects.toMatchObject(UNKNOWN)
    }))

  it('is of the client that pushed it, which alone can be named with it', () =>
    inWorld({}, async (world) => {
      const { authorizations } = world.account.oauth
      const app = await createApp(world)
      const requestUri = await app.request()
      await expect(authorizations.find(requestUri, 'http://localhost')).rejects.toMatchObject(UNKNOWN)
      await expect(authorizations.approve(requestUri, 'http://localhost')).rejects.toMatchObject(UNKNOWN)
      expect((await authorizations.find(requestUri, CLIENT_ID)).client.id).toBe(CLIENT_ID)
    }))

  it.each([
    '',
    'x',
    'urn:ietf:params:oauth:request_uri:req-',
    `urn:ietf:params:oauth:request_uri:req-${'0'.repeat(32)}`,
  ])('is not found by the name "%s", and no document is fetched to say so', (requestUri) =>
    inWorld({}, async (world) => {
      let fetched = 0
      world.hosts.set(CLIENT_HOST, () => new Response(null, { status: 404 + fetched++ }))
      const { authorizations } = world.account.oauth
      await expect(authorizations.find(requestUri, CLIENT_ID)).rejects.toMatchObject(UNKNOWN)
      expect(fetched).toBe(0)
    }),
  )

  it.each(['query', 'fragment', 'form_post'] as const)(
    'is answered in the mode %s that it asked for',
    (mode) =>
      inWorld({}, async (world) => {
        const app = await createApp(world)
        const requestUri = await app.request({ response_mode: mode, state: undefined })
        const redirection = await world.account.oauth.authorizations.approve(requestUri, CLIENT_ID)
        expect(redirection.mode).toBe(mode)
        expect(Object.keys(redirection.params)).toEqual(['iss', 'code'])
      }),
  )

  it('is granted as it was shown, even if the client or a permission set has changed meanwhile', () =>
    inWorld({}, async (world) => {
      const { authorizations, grants } = world.account.oauth
      const app = await createApp(world)
      const requestUri = await app.request()
      const shown = (await authorizations.find(requestUri, CLIENT_ID)).expanded
      world.hosts.set(CLIENT_HOST, () => new Response(null, { status: 404 }))
      const { params } = await authorizations.approve(requestUri, CLIENT_ID)
      expect(said(await app.exchange(params.code ?? ''))).toBe('200')
      expect(grants.list()[0]?.expanded).toBe(shown)
    }))

  it('outlives the object', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const requestUri = await app.request()
      await world.restart()
      const { params } = await world.account.oauth.authorizations.approve(requestUri, CLIENT_ID)
      await world.restart()
      expect(said(await app.exchange(params.code ?? ''))).toBe('200')
    }))
})

it('the consent of a public client is never remembered', () =>
  inWorld({}, async (world) => {
    const app = await createApp(world)
    await app.signIn()
    const { isConsented } = await world.account.oauth.authorizations.find(await app.request(), CLIENT_ID)
    expect(isConsented).toBe(false)
  }))

it('an approval is journaled with the app and its scopes, and with no secret', () =>
  inWorld({}, async (world) => {
    const app = await createApp(world)
    const code = await app.code()
    const [entry] = world.account.journal.page({ limit: 1 }).entries
    expect(entry).toMatchObject({
      event: 'grant',
      detail: { client: CLIENT_ID, scope: 'atproto transition:generic' },
    })
    expect(JSON.stringify(entry)).not.toContain(code.split('-').at(-1))
  }))

it('there are at most 1,000 grants: the one that was not used for the longest time goes', () =>
  inWorld({}, async (world) => {
    const { sql } = world.account
    const now = world.clock.now
    for (let n = 0; n < 1000; n++)
      sql.run(
        `INSERT INTO oauth_grant (id, client_id, detail, scope, expanded, jkt, code, refresh, created_at, last_used_at, expires_at)
         VALUES (?, 'c', '{"auth":{"method":"none"}}', 'atproto', 'atproto', 'k', '', 'r', ?, ?, ?)`,
        `g${n}`,
        now,
        now + (n === 500 ? -1 : n),
        now + 1e9,
      )
    const app = await createApp(world)
    await app.signIn()
    const ids = world.account.oauth.grants.list().map(({ id }) => id)
    expect(ids).toHaveLength(1000)
    expect(ids).not.toContain('g500')
    expect(ids).toContain('g0')
  }))

it('what is over is deleted when the alarm rings', () =>
  inWorld({}, async (world) => {
    const app = await createApp(world)
    await app.signIn()
    await app.code()
    await app.request()
    const rows = () =>
      ['oauth_request', 'oauth_grant'].map((table) => world.account.sql.all(`SELECT id FROM ${table}`).length)
    await world.account.maintenance.run()
    expect(rows()).toEqual([1, 2])
    world.clock.now += 5 * 60_000
    await world.account.maintenance.run()
    expect(rows()).toEqual([0, 1])
  }))

it('codes that nobody exchanged are gone after five minutes, and their rows with the next approval', () =>
  inWorld({}, async (world) => {
    const app = await createApp(world)
    for (let n = 0; n < 3; n++) await app.code()
    world.clock.now += 5 * 60_000
    await app.code()
    expect(world.account.sql.all('SELECT id FROM oauth_grant')).toHaveLength(1)
  }))
