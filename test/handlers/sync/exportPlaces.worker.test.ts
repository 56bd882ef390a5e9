import { describe, expect, it } from 'vitest'
import { post } from '../../account/support/account.ts'
import { bytesOf, post as createPost } from '../support/calls.ts'
import { inWorld, type World } from '../support/world.ts'

/** An export whose body is not read, as somebody in this network asks for it. */
const begin = (world: World, network: string, since = '') =>
  world.fetch(`/xrpc/com.atproto.sync.getRepo?did=${world.did}${since}`, {
    headers: { 'cf-connecting-ip': network },
  })

const beginMany = async (world: World, count: number, networkOf: (n: number) => string) => {
  const answers: Response[] = []
  for (let n = 0; n < count; n++) answers.push(await begin(world, networkOf(n)))
  return answers
}

/** Some 5 MB of posts. */
const fill = async ({ account }: World): Promise<void> => {
  for (let n = 0; n < 5; n++)
    await account.repo.commit(
      Array.from({ length: 100 }, (_, i) =>
        post(`r${n * 100 + i}`, `${n * 100 + i} ${'and so on '.repeat(1000)}`),
      ),
    )
}

const statuses = (answers: readonly Response[]) => answers.map(({ status }) => status)
const cancel = (answers: readonly Response[]) =>
  Promise.all(answers.map(async ({ body }) => await body?.cancel()))

describe('exports that are read at once', () => {
  it('are at most twelve of strangers, and four of one network', () =>
    inWorld({}, async (world) => {
      const own = await beginMany(world, 6, () => '192.0.2.1')
      expect(statuses(own)).toEqual([200, 200, 200, 200, 429, 429])
      const others = await beginMany(world, 8, (n) => `198.51.100.${Math.floor(n / 4)}`)
      expect(statuses(others)).toEqual(Array.from({ length: 8 }, () => 200))
      const last = await begin(world, '198.51.100.0')
      expect([last.status, last.headers.get('retry-after')]).toEqual([429, '30'])
      expect(await last.json()).toMatchObject({ error: 'RateLimitExceeded' })
    }))

  it('leave places for the owner, the admin and a token', () =>
    inWorld({}, async (world) => {
      const { admin, bearer, did } = world
      const owner = await world.signIn()
      const mover = bearer(await world.mint({ scope: ['repo:read'] }))
      await beginMany(world, 12, (n) => `198.51.${n}.1`)
      const refused = await begin(world, '203.0.113.1')
      expect(refused.status).toBe(429)
      const { cid } = await world.head()
      for (const client of [owner, admin, mover]) {
        expect((await bytesOf(await client.com.atproto.sync.getRepo({ did }))).length).toBeGreaterThan(100)
        const rest = await client.com.cirrus.admin.resumeRepo({ did, root: cid, offset: 10 })
        expect((await bytesOf(rest)).length).toBeGreaterThan(100)
      }
      for (let n = 0; n < 4; n++) await admin.com.atproto.sync.getRepo({ did })
      for (const client of [owner, admin, mover])
        await expect(
          client.com.cirrus.admin.resumeRepo({ did, root: cid, offset: 10 }),
        ).rejects.toMatchObject({
          status: 429,
          error: 'RateLimitExceeded',
        })
    }))

  it('leave places for the owner that a migration token cannot take, also once it is revoked', () =>
    inWorld({}, async (world) => {
      const { admin, bearer, did, account } = world
      const owner = await world.signIn()
      const { cid } = await world.head()
      const mover = bearer(await world.mint({ scope: ['repo:read'] }))
      const taken = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) =>
          n % 2
            ? mover.com.atproto.sync.getRepo({ did })
            : mover.com.cirrus.admin.resumeRepo({ did, root: cid, offset: 10 }),
        ),
      )
      expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(14)
      account.migrationTokens.revoke()
      for (const client of [owner, admin])
        expect((await bytesOf(await client.com.atproto.sync.getRepo({ did }))).length).toBeGreaterThan(100)
    }))

  it('give up a place of the network that has the most, so that another network gets in', () =>
    inWorld({}, async (world) => {
      await createPost(await world.signIn(), world.did)
      const flood = await beginMany(world, 12, (n) => `198.51.100.${Math.floor(n / 4)}`)
      const relay = await begin(world, '203.0.113.1')
      expect(relay.status).toBe(200)
      expect((await relay.arrayBuffer()).byteLength).toBeGreaterThan(100)
      const ends = await Promise.allSettled(flood.map((answer) => answer.arrayBuffer()))
      expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(1)
    }))

  it('are over when they are read to the end, cancelled or refused, or were asked for with HEAD', () =>
    inWorld({}, async (world) => {
      const network = '192.0.2.1'
      for (let n = 0; n < 3; n++) {
        const answers = await beginMany(world, 4, () => network)
        expect(statuses(answers)).toEqual([200, 200, 200, 200])
        if (n === 0) await Promise.all(answers.map((answer) => answer.arrayBuffer()))
        else await cancel(answers)
      }
      expect((await begin(world, network, '&since=x')).status).toBe(400)
      const path = `/xrpc/com.atproto.sync.getRepo?did=${world.did}`
      for (let n = 0; n < 10; n++) {
        const headers = { 'cf-connecting-ip': network }
        expect((await world.fetch(path, { method: 'HEAD', headers })).status).toBe(200)
      }
      expect(statuses(await beginMany(world, 4, () => network))).toEqual([200, 200, 200, 200])
      expect(world.account.exports.neededSince()).toBeDefined()
    }))

  it('lose their place to another if nothing was read of them for two minutes', () =>
    inWorld({}, async (world) => {
      const idle = await beginMany(world, 4, () => '192.0.2.1')
      world.clock.now += 119_000
      expect((await begin(world, '192.0.2.1')).status).toBe(429)
      world.clock.now += 2_000
      const [first] = idle
      const next = await begin(world, '192.0.2.1')
      expect(next.status).toBe(200)
      await expect(first?.arrayBuffer()).rejects.toThrow()
      await next.arrayBuffer()
      expect((await idle[1]?.arrayBuffer())?.byteLength).toBeGreaterThan(100)
    }))

  it('give up a place of a block of neighbours, so that a network elsewhere gets in', () =>
    inWorld({}, async (world) => {
      const flood = await beginMany(world, 12, (n) => `2001:db8:1:${n.toString(16)}::1`)
      expect(statuses(flood)).toEqual(Array.from({ length: 12 }, () => 200))
      expect((await begin(world, '2001:db8:1:99::1')).status).toBe(429)
      expect((await begin(world, '2001:db8:2::1')).status).toBe(200)
    }))

  it('lose their place if next to nothing is read of them; one that is read ends well, even if others wait', () =>
    inWorld({}, async (world) => {
      await fill(world)
      const { byteLength } = await (await begin(world, '192.0.2.1')).arrayBuffer()
      expect(byteLength).toBeGreaterThan(4 * 1024 * 1024)
      const flood = await beginMany(world, 11, (n) => `198.51.${n}.1`)
      const drips = flood.map(({ body }) => body?.getReader())
      const readOnce = () => Promise.allSettled(drips.map(async (drip) => await drip?.read()))
      const steady = (await begin(world, '192.0.2.1')).body?.getReader()
      // What the buffers of a server and its reader hold leaves at once.
      await Promise.all(
        drips.map(async (drip) => {
          for (let taken = 0; taken < 3_000_000;) taken += (await drip?.read())?.value?.byteLength ?? Infinity
        }),
      )
      let bytes = 0
      // A little more than 16 KiB in a second.
      const readSteadily = async (seconds: number): Promise<void> => {
        world.clock.now += seconds * 1000
        for (const least = bytes + seconds * 20_000; bytes < least;) {
          const { value } = (await steady?.read()) ?? {}
          if (!value) break
          bytes += value.byteLength
        }
      }
      await readSteadily(60)
      await readOnce()
      await readSteadily(50)
      expect((await begin(world, '203.0.113.1')).status).toBe(429)
      await readSteadily(25)
      expect((await begin(world, '203.0.113.1')).status).toBe(200)
      const ends = await readOnce()
      const ended = ends.findIndex(({ status }) => status === 'rejected')
      expect(ends.filter(({ status }) => status === 'rejected')).toHaveLength(1)
      // It does not end another's for a while, and neither do its neighbours.
      expect((await begin(world, `198.51.${ended}.1`)).status).toBe(429)
      expect((await begin(world, `198.51.${ended}.77`)).status).toBe(429)
      for (let n = 1; n < 11; n++) expect((await begin(world, `203.${n}.113.1`)).status).toBe(200)
      expect((await begin(world, '203.77.113.1')).status).toBe(429)
      await readSteadily(600)
      expect(bytes).toBe(byteLength)
    }))

  it('that were not read leave their place to others, and not to each other again and again', () =>
    inWorld({}, async (world) => {
      const flood = () => beginMany(world, 12, (n) => `198.51.${n}.1`)
      await flood()
      world.clock.now += 121_000
      await flood()
      world.clock.now += 121_000
      expect(statuses(await flood())).toEqual(Array.from({ length: 12 }, () => 429))
      expect((await begin(world, '203.0.113.1')).status).toBe(200)
    }))

  it('count blocks that are asked for as well', () =>
    inWorld({}, async (world) => {
      const { cid } = await world.head()
      const path = `/xrpc/com.atproto.sync.getBlocks?did=${world.did}&cids=${cid}`
      const headers = { 'cf-connecting-ip': '192.0.2.1' }
      const answers: Response[] = []
      for (let n = 0; n < 5; n++) answers.push(await world.fetch(path, { headers }))
      expect(statuses(answers)).toEqual([200, 200, 200, 200, 429])
    }))
})
