import { describe, expect, it } from 'vitest'
import { bytesOf, post } from '../support/calls.ts'
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
      await beginMany(world, 12, (n) => `198.51.100.${n}`)
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
      await post(await world.signIn(), world.did)
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
