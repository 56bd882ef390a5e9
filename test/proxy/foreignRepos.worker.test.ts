/** Reads of repositories that are not here, and public reads with credentials that are not ours. */
import { describe, expect, it } from 'vitest'
import { outcome } from '../handlers/support/slow.ts'
import { inWorld, type World } from '../handlers/support/world.ts'
import { bearer, claimsOf, playService } from './support.ts'

const BOB = 'did:web:bob.example.org'
const BOBS_PDS = 'pds.example.org'

/** Another account on another server, and its handle. */
const playBob = (world: World, endpoint = `https://${BOBS_PDS}`) => {
  let lookUps = 0
  world.hosts.set('bob.example.org', ({ pathname }) => {
    if (pathname === '/.well-known/atproto-did') return new Response(BOB)
    lookUps++
    const service = [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: endpoint }]
    return Response.json({ id: BOB, alsoKnownAs: ['at://bob.example.org'], service })
  })
  world.hosts.set('cloudflare-dns.com', () => Response.json({ Status: 3 }))
  const asked = playService(world, BOBS_PDS, () => Response.json({ records: [] }))
  return { asked, lookUps: () => lookUps }
}

const list = (repo: string) => `/xrpc/com.atproto.repo.listRecords?repo=${repo}&collection=app.bsky.feed.post`
const describeOf = (repo: string) => `/xrpc/com.atproto.repo.describeRepo?repo=${repo}`
const record = (repo: string) => `/xrpc/com.atproto.repo.getRecord?repo=${repo}&collection=a.b.c&rkey=self`

describe('getRecord of another repository', () => {
  it.for([BOB, 'bob.example.org'])('is answered by the AppView, for anyone: %s', (repo) =>
    inWorld({}, async (world) => {
      const asked = playService(world)
      const session = await bearer(world)
      for (const headers of [{}, session, { authorization: 'Bearer nonsense' }]) {
        // No header sends us elsewhere.
        const answer = await world.fetch(record(repo), {
          headers: { ...headers, 'atproto-proxy': `${BOB}#atproto_pds` },
        })
        expect(await answer.json()).toEqual({ ok: true })
      }
      expect(asked.map(({ url }) => url.pathname + url.search)).toEqual(Array(3).fill(record(repo)))
      expect(asked.map(claimsOf)).toEqual([undefined, undefined, undefined])
    }),
  )

  it.for([
    ['collection', 'collection=a.b/../c&rkey=self'],
    ['collection', 'collection=word&rkey=self'],
    ['collection', 'rkey=self'],
    ['collection', 'collection=a.b.c&collection=a.b.d&rkey=self'],
    ['rkey', 'collection=a.b.c&rkey=..'],
    ['rkey', 'collection=a.b.c&rkey=a%2Fb'],
    ['rkey', `collection=a.b.c&rkey=${'x'.repeat(513)}`],
    ['cid', 'collection=a.b.c&rkey=self&cid=x'],
  ] as const)('is refused where a parameter is malformed, and nobody is asked: %s of %s', ([name, search]) =>
    inWorld({}, async (world) => {
      const { asked: pds } = playBob(world)
      const asked = playService(world)
      for (const repo of [BOB, 'bob.example.org']) {
        const answer = await world.fetch(`/xrpc/com.atproto.repo.getRecord?repo=${repo}&${search}`)
        expect([answer.status, await answer.json()]).toEqual([
          400,
          { error: 'InvalidRequest', message: expect.stringContaining(name) },
        ])
      }
      expect([...asked, ...pds]).toEqual([])
    }),
  )

  it('is answered by its own server where there is no AppView', () =>
    inWorld({ env: { APPVIEW: '' } }, async (world) => {
      const { asked } = playBob(world)
      expect((await world.fetch(record(BOB), { headers: await bearer(world) })).status).toBe(200)
      expect(asked.length).toBe(1)
      expect(await outcome(world.fetch(record(BOB)))).toEqual([400, 'InvalidRequest'])
    }))
})

describe('listRecords and describeRepo of another repository', () => {
  it.for([list(BOB), list('bob.example.org'), list('Bob.Example.ORG'), describeOf(BOB)])(
    'come from its own server for who is signed in, without a credential: %s',
    (path) =>
      inWorld({}, async (world) => {
        const { asked } = playBob(world)
        const answer = await world.fetch(path, { headers: await bearer(world) })
        expect([answer.status, await answer.json()]).toEqual([200, { records: [] }])
        expect(asked.map(({ url }) => url.href)).toEqual([`https://${BOBS_PDS}${path}`])
        expect(asked.map(claimsOf)).toEqual([undefined])
      }),
  )

  it.for([list(BOB), list('bob.example.org'), describeOf(BOB)])(
    'name that server to anyone else, and do not ask it: %s',
    (path) =>
      inWorld({}, async (world) => {
        const { asked, lookUps } = playBob(world)
        for (const headers of [undefined, { authorization: 'Bearer nonsense' }]) {
          const answer = await world.fetch(path, headers && { headers })
          expect([answer.status, Object(await answer.json())]).toEqual([
            400,
            { error: 'InvalidRequest', message: expect.stringContaining(`https://${BOBS_PDS}`) },
          ])
        }
        expect([asked, lookUps()]).toEqual([[], 1])
      }),
  )

  it('tell the owner that their session has expired or ended, so that it is refreshed', () =>
    inWorld({}, async (world) => {
      playBob(world)
      const headers = await bearer(world)
      world.clock.now += 3 * 3600_000
      expect(await outcome(world.fetch(list(BOB), { headers }))).toEqual([400, 'ExpiredToken'])
      const ended = await bearer(world)
      await world.admin.com.cirrus.admin.endSessions({ all: true })
      expect(await outcome(world.fetch(list(BOB), { headers: ended }))).toEqual([400, 'ExpiredToken'])
    }))

  it('do not let one network look up any number of DIDs', () =>
    inWorld({}, async (world) => {
      const headers = { 'cf-connecting-ip': '203.0.113.1' }
      const statuses: number[] = []
      for (let n = 0; n < 62; n++)
        statuses.push((await world.fetch(list(`did:web:s${n}.example.net`), { headers })).status)
      expect(statuses.slice(-3)).toEqual([502, 429, 429])
    }))

  it.for([
    ['nobody', 'https://nobody.example', [400, 'InvalidRequest']],
    ['in a private network', 'https://192.168.0.1', [400, 'InvalidRequest']],
    ['this server itself', 'https://cirrus.example.com', [400, 'InvalidRequest']],
  ] as const)('refuse a server that is %s', ([, endpoint]) =>
    inWorld({}, async (world) => {
      playBob(world, endpoint)
      expect((await world.fetch(list(BOB), { headers: await bearer(world) })).ok).toBe(false)
      expect((await world.fetch(list(BOB))).ok).toBe(false)
    }),
  )

  it('are refused as before where `repo` is neither a DID nor a handle', () =>
    inWorld({}, async (world) => {
      for (const repo of ['', 'x y', 'did:', 'at://x'])
        expect(await outcome(world.fetch(list(encodeURIComponent(repo))))).toEqual([400, 'InvalidRequest'])
    }))
})

describe('public reads of this repository', () => {
  it.for(['Bearer nonsense', 'Bearer eyJhbGciOiJub25lIn0.e30.', 'DPoP x', 'Basic eDp5', 'whatever'])(
    'ignore a credential that is not ours: %s',
    (authorization) =>
      inWorld({}, async (world) => {
        const before = world.journal().length
        for (const path of [list(world.did), describeOf(world.did)])
          expect((await world.fetch(path, { headers: { authorization } })).status).toBe(200)
        expect(await outcome(world.fetch(record(world.did), { headers: { authorization } }))).toEqual([
          400,
          'RecordNotFound',
        ])
        if (!authorization.startsWith('Basic')) expect(world.journal().length).toBe(before)
        await world.admin.com.atproto.server.deactivateAccount()
        expect((await world.fetch(list(world.did), { headers: { authorization } })).ok).toBe(false)
      }),
  )

  it('ignore a refresh token and an expired session, which open them no more than nothing does', () =>
    inWorld({}, async (world) => {
      const { refreshJwt, accessJwt } = await world.client.com.atproto.server.createSession({
        identifier: world.did,
        password: 'correct horse battery',
      })
      const read = (jwt: string) =>
        world.fetch(list(world.did), { headers: { authorization: `Bearer ${jwt}` } })
      world.clock.now += 3 * 3600_000
      expect([(await read(refreshJwt)).status, (await read(accessJwt)).status]).toEqual([200, 200])
      await world.admin.com.atproto.server.deactivateAccount()
      expect(await outcome(read(accessJwt))).toEqual([400, 'ExpiredToken'])
      expect(await outcome(read(refreshJwt))).toEqual([400, 'RepoDeactivated'])
    }))
})
