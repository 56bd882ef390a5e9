/** An app asks for a permission set of an authority that the tests play; its grant follows the set. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { describeScope } from '../../src/pages/consent/describeScope.ts'
import { LexiconAuthority } from '../account/oauth/support/lexiconAuthority.ts'
import { inWorld, type World } from '../handlers/support/world.ts'
import { type App, CLIENT_ID, createApp, publishApp, said, tokensOf } from './support/app.ts'

const DAY = 24 * 3600_000
const NSID = 'com.example.authNotes'
const INCLUDE = `include:${NSID}?aud=did:web:notes.example%23notes`
const SCOPE = `atproto ${INCLUDE}`
const NOTES = [
  { resource: 'repo', collection: ['com.example.note'] },
  { resource: 'rpc', lxm: ['com.example.getNotes'], inheritAud: true },
]
const EXPANDED = 'atproto repo:com.example.note rpc:com.example.getNotes?aud=did:web:notes.example%23notes'

interface Scene {
  world: World
  authority: LexiconAuthority
  app: App
}

const inScene = (work: (scene: Scene) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => {
    // The commits of the authority are of now, and one from the future is refused.
    world.clock.now = Date.now()
    const authority = new LexiconAuthority()
    await authority.publishSet(NSID, NOTES)
    const dns = world.hosts.get('cloudflare-dns.com')
    const nobody = () => new Response('', { status: 404 })
    world.hosts.set('cloudflare-dns.com', async (url) => {
      if (!url.searchParams.get('name')?.startsWith('_lexicon.')) return (await dns?.(url)) ?? nobody()
      return (await authority.answer(url.href)) ?? Response.json({ Status: 3 })
    })
    for (const host of ['lexicons.example.com', 'pds.example.com'])
      world.hosts.set(host, async (url) => (await authority.answer(url.href)) ?? nobody())
    publishApp(world, { scope: `${SCOPE} include:com.example.authOther include:app.bsky.authCreatePosts` })
    await work({ world, authority, app: await createApp(world) })
  })

/** The error of a record that the app writes with its token; undefined where it is written. */
const write = async (
  { world, app }: Scene,
  token: string,
  collection: string,
): Promise<string | undefined> => {
  const path = '/xrpc/com.atproto.repo.createRecord'
  const ath = createHash('sha256').update(token).digest('base64url')
  const answer = await world.fetch(path, {
    method: 'POST',
    headers: {
      authorization: `DPoP ${token}`,
      dpop: await app.key.proof(path, { ath }),
      'content-type': 'application/json',
    },
    body: JSON.stringify({ repo: world.did, collection, record: { $type: collection, text: 'hello' } }),
  })
  return answer.ok ? undefined : Object(await answer.json()).error
}

describe('a permission set', () => {
  it('is what the owner consents to and what the app may do, permission by permission', () =>
    inScene(async (scene) => {
      const { world, authority, app } = scene
      const { expanded } = await world.account.oauth.authorizations.find(
        await app.request({ scope: SCOPE }),
        CLIENT_ID,
      )
      expect(expanded).toBe(EXPANDED)
      const told = describeScope(expanded, 'en').flatMap(({ lines }) => lines.map(({ text }) => text))
      expect(told).toContain('may create, change, and delete com.example.note')
      expect(told.join()).not.toContain('What the set says of itself')

      const tokens = await app.signIn({ scope: SCOPE })
      expect(tokens.scope).toBe(EXPANDED)
      expect(await write(scene, tokens.access_token, 'com.example.note')).toBeUndefined()
      expect(await write(scene, tokens.access_token, 'com.example.list')).toBe('ScopeMissingError')
      expect(authority.asked).toEqual(['dns', 'did', 'pds'])
    }))

  it('is followed at a refresh, a day after it was fetched: also the token that the app has', () =>
    inScene(async (scene) => {
      const { world, authority, app } = scene
      const first = await app.signIn({ scope: SCOPE })
      await authority.publishSet(NSID, [{ resource: 'repo', collection: ['com.example.list'] }])
      world.clock.now += DAY / 2
      const second = tokensOf(await app.refresh(first.refresh_token))
      expect(second.scope).toBe(EXPANDED)
      world.clock.now += DAY / 2
      const third = tokensOf(await app.refresh(second.refresh_token))
      expect(third.scope).toBe('atproto repo:com.example.list')
      expect(await write(scene, third.access_token, 'com.example.list')).toBeUndefined()
      expect(await write(scene, third.access_token, 'com.example.note')).toBe('ScopeMissingError')
      expect(authority.asked).toHaveLength(6)
    }))

  it('stays as it was while it cannot be had, or is not proven any more', () =>
    inScene(async ({ world, authority, app }) => {
      let { refresh_token } = await app.signIn({ scope: SCOPE })
      for (const change of [
        () => (authority.down = 503),
        () => Object.assign(authority, { down: undefined, namedKey: world.key.did }),
        () => Object.assign(authority, { namedKey: undefined, txt: [] }),
      ]) {
        change()
        world.clock.now += 2 * DAY
        await world.restart()
        const tokens = tokensOf(await app.refresh(refresh_token))
        expect(tokens.scope).toBe(EXPANDED)
        refresh_token = tokens.refresh_token
      }
      const whole = ['dns', 'did', 'pds']
      expect(authority.asked).toEqual([...whole, 'dns', ...whole, 'dns'])
    }))

  it('opens nothing beyond its own group, and nothing but records and methods', () =>
    inScene(async ({ authority, app }) => {
      await authority.publishSet(NSID, [
        ...NOTES,
        { resource: 'repo', collection: ['app.bsky.feed.post'] },
        { resource: 'repo', collection: ['com.example.note', 'com.other.note'] },
        { resource: 'repo', collection: ['*'] },
        { resource: 'rpc', lxm: ['*'], inheritAud: true },
        { resource: 'rpc', lxm: ['com.example.getNotes'], aud: 'did:web:other.example#notes' },
        { resource: 'blob', accept: ['*/*'] },
        { resource: 'identity', attr: '*' },
        { resource: 'account', attr: 'repo', action: ['manage'] },
      ])
      expect((await app.signIn({ scope: SCOPE })).scope).toBe(EXPANDED)
    }))

  it('that cannot be had, or is none, refuses the request of the app', () =>
    inScene(async ({ authority, app }) => {
      const refused = await app.push({ scope: 'atproto include:com.example.authOther' })
      expect(said(refused)).toBe('400 invalid_scope')
      expect(refused.body.error_description).toContain('com.example.authOther could not be had')
      await authority.publish('com.example.authOther', {
        $type: 'com.atproto.lexicon.schema',
        lexicon: 1,
        id: 'com.example.authOther',
        defs: { main: { type: 'token' } },
      })
      expect(said(await app.push({ scope: 'atproto include:com.example.authOther' }))).toBe(
        '400 invalid_scope',
      )
      // Not asked for again at once.
      expect(authority.asked).toEqual(['dns', 'did', 'pds'])
    }))

  it('of Bluesky needs nobody', () =>
    inScene(async ({ authority, app }) => {
      const { scope } = await app.signIn({ scope: 'atproto include:app.bsky.authCreatePosts' })
      expect(scope).toContain('repo')
      expect(authority.asked).toEqual([])
    }))
})
