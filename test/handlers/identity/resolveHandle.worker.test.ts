import { describe, expect, it } from 'vitest'
import { HANDLE, inWorld, type World } from '../support/world.ts'

const BOB = 'bob.example.com'
const BOBS_DID = `did:plc:${'b'.repeat(24)}`

describe('resolveHandle', () => {
  it('knows its own handle without asking, before there is an account', () =>
    inWorld({ active: false }, async ({ client, did }) => {
      expect(await client.com.atproto.identity.resolveHandle({ handle: HANDLE })).toEqual({ did })
    }))

  it('looks another handle up at its host', () =>
    inWorld({}, async ({ client, hosts }) => {
      hosts.set('cloudflare-dns.com', () => Response.json({ Status: 3 }))
      hosts.set(BOB, () => new Response(BOBS_DID))
      expect(await client.com.atproto.identity.resolveHandle({ handle: BOB })).toEqual({ did: BOBS_DID })
    }))

  it('answers HandleNotFound where nobody claims the handle', () =>
    inWorld({}, async ({ client, hosts }) => {
      hosts.set('cloudflare-dns.com', () => Response.json({ Status: 3 }))
      hosts.set(BOB, () => new Response('', { status: 404 }))
      await expect(client.com.atproto.identity.resolveHandle({ handle: BOB })).rejects.toMatchObject({
        status: 400,
        error: 'HandleNotFound',
      })
    }))

  it('answers UpstreamFailure where nothing can be reached', () =>
    inWorld({}, async ({ client }) => {
      await expect(client.com.atproto.identity.resolveHandle({ handle: BOB })).rejects.toMatchObject({
        status: 502,
        error: 'UpstreamFailure',
      })
    }))
})

describe('resolveHandle of other handles, which anybody can ask for', () => {
  /** Every host answers with this DID, or with what it is told to; `asked` are the handles that were looked up. */
  const network = ({ hosts }: World, answer: (handle: string) => Response) => {
    const asked: string[] = []
    hosts.set('cloudflare-dns.com', (url) => {
      const handle = url.searchParams.get('name')?.replace('_atproto.', '') ?? ''
      asked.push(handle)
      hosts.set(handle, () => answer(handle))
      return Response.json({ Status: 3 })
    })
    return asked
  }
  const ask = ({ fetch }: World, handle: string, address = '192.0.2.1') =>
    fetch(`/xrpc/com.atproto.identity.resolveHandle?handle=${handle}`, {
      headers: { 'cf-connecting-ip': address },
    })
  const often = <T>(times: number, work: (i: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: times }, (_, i) => work(i)))

  it('looks a handle up once for 200 calls at once, and knows it for ten minutes', () =>
    inWorld({}, async (world) => {
      const asked = network(world, () => new Response(BOBS_DID))
      for (const answer of await often(200, () => ask(world, BOB)))
        expect(await answer.json()).toEqual({ did: BOBS_DID })
      world.clock.now += 10 * 60_000 - 1
      await often(200, () => ask(world, BOB.toUpperCase()))
      expect(asked).toEqual([BOB])
      world.clock.now += 1
      await often(200, () => ask(world, BOB))
      expect(asked).toEqual([BOB, BOB])
    }))

  it('knows for a minute that a handle does not resolve', () =>
    inWorld({}, async (world) => {
      const asked = network(world, () => new Response('', { status: 404 }))
      for (const answer of await often(200, () => ask(world, BOB)))
        expect(await answer.json()).toMatchObject({ error: 'HandleNotFound' })
      world.clock.now += 60_000 - 1
      await ask(world, BOB)
      expect(asked).toEqual([BOB])
      world.clock.now += 1
      await ask(world, BOB)
      expect(asked).toEqual([BOB, BOB])
    }))

  it('waits ten seconds after a failure before it tries again', () =>
    inWorld({}, async (world) => {
      let tries = 0
      world.hosts.set('cloudflare-dns.com', () => {
        tries++
        throw new Error('down')
      })
      for (const { status } of await often(200, () => ask(world, BOB))) expect(status).toBe(502)
      await ask(world, BOB)
      expect(tries).toBe(1)
      world.clock.now += 10_000
      await ask(world, BOB)
      expect(tries).toBe(2)
    }))

  it('sends 60 look-ups out for one network in five minutes; then it answers 429, and what it knows', () =>
    inWorld({}, async (world) => {
      const asked = network(world, () => new Response(BOBS_DID))
      for (let i = 0; i < 60; i++) expect((await ask(world, `h${i}.example.com`)).status).toBe(200)
      const refused = await ask(world, 'one-more.example.com')
      expect(refused.status).toBe(429)
      expect(refused.headers.get('retry-after')).toBe('300')
      expect(await refused.json()).toMatchObject({
        error: 'RateLimitExceeded',
        message: expect.stringContaining('#rate-limit'),
      })
      expect((await ask(world, 'h7.example.com')).status).toBe(200)
      expect((await ask(world, HANDLE)).status).toBe(200)
      expect((await ask(world, 'not-a-handle')).status).toBe(400)
      expect(asked).toHaveLength(60)
      // Another network, and the same one later.
      expect((await ask(world, 'one-more.example.com', '198.51.100.1')).status).toBe(200)
      world.clock.now += 3600_000
      expect((await ask(world, 'last.example.com')).status).toBe(200)
      // A clock that goes back resets no limit.
      for (let i = 0; i < 59; i++) await ask(world, `g${i}.example.com`)
      world.clock.now -= 1800_000
      expect((await ask(world, 'very-last.example.com')).status).toBe(429)
    }))
})
