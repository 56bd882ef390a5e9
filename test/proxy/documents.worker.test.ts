/** The DID documents of services are kept: an hour as they are, a day while they are asked for again. */
import { expect, it } from 'vitest'
import { outcome } from '../handlers/support/slow.ts'
import { inWorld, type World } from '../handlers/support/world.ts'
import {
  APP_VIEW_HOST,
  bearer,
  didDocument,
  OTHER_DID,
  OTHER_HOST,
  playDidWeb,
  playService,
} from './support.ts'

const HOUR_MS = 3600_000
const METHOD = '/xrpc/com.example.method'

const ask = async (world: World, headers: Record<string, string>, did = OTHER_DID) =>
  await world.fetch(METHOD, { headers: { ...headers, 'atproto-proxy': `${did}#x` } })

it('fresh for an hour, then stale while it is fetched again, and gone after a day', () =>
  inWorld({}, async (world) => {
    const services = { x: `https://${OTHER_HOST}/first` }
    const other = playDidWeb(world, services)
    const path = () => other.asked.at(-1)?.url.pathname
    await ask(world, await bearer(world))
    world.clock.now += HOUR_MS - 1
    services.x = `https://${OTHER_HOST}/second`
    const headers = await bearer(world)
    await ask(world, headers)
    expect([other.documents(), path()]).toEqual([1, `/first${METHOD}`])
    world.clock.now += 1
    await ask(world, headers)
    expect([other.documents(), path()]).toEqual([2, `/first${METHOD}`])
    await expect.poll(async () => (await ask(world, headers)) && path()).toBe(`/second${METHOD}`)
    expect(other.documents()).toBe(2)
    services.x = `https://${OTHER_HOST}/third`
    world.clock.now += 24 * HOUR_MS
    await ask(world, await bearer(world))
    expect([other.documents(), path()]).toEqual([3, `/third${METHOD}`])
  }))

it('an old one serves while its host is down, which is not asked at every request', () =>
  inWorld({}, async (world) => {
    const other = playDidWeb(world, { x: `https://${APP_VIEW_HOST}` })
    const asked = playService(world)
    await ask(world, await bearer(world))
    let tries = 0
    world.hosts.set(OTHER_HOST, () => {
      tries++
      return new Response('', { status: 503 })
    })
    world.clock.now += 2 * HOUR_MS
    const headers = await bearer(world)
    for (const _ of [1, 2, 3]) {
      expect((await ask(world, headers)).status).toBe(200)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect([other.documents(), tries, asked.length]).toEqual([1, 1, 4])
  }))

it('one look-up is on its way however many ask', () =>
  inWorld({}, async (world) => {
    const headers = await bearer(world)
    let documents = 0
    playService(world, OTHER_HOST, async ({ url }) => {
      if (url.pathname !== '/.well-known/did.json') return Response.json({})
      documents++
      await new Promise((resolve) => setTimeout(resolve, 50))
      return didDocument(OTHER_DID, { x: `https://${OTHER_HOST}` })
    })
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(world, headers)))
    expect([documents, answers.every(({ ok }) => ok)]).toEqual([1, true])
  }))

it('that there is none is remembered for a minute, and that it could not be had for 10 seconds', () =>
  inWorld({}, async (world) => {
    const headers = await bearer(world)
    let tries = 0
    for (const [status, ms, expected] of [
      [503, 10_000, [502, 'UpstreamFailure']],
      [404, 60_000, [400, 'InvalidRequest']],
    ] as const) {
      world.hosts.set(OTHER_HOST, () => {
        tries++
        return new Response('', { status })
      })
      tries = 0
      for (const _ of [1, 2]) expect(await outcome(ask(world, headers))).toEqual(expected)
      world.clock.now += ms - 1
      await ask(world, headers)
      expect(tries).toBe(1)
      world.clock.now += 1
      await ask(world, headers)
      expect(tries).toBe(2)
      world.clock.now += ms
    }
  }))

it('is waited for for 3 seconds', () =>
  inWorld({}, async (world) => {
    const headers = await bearer(world)
    const arrived = Promise.withResolvers<void>()
    world.hosts.set(OTHER_HOST, () => {
      arrived.resolve()
      return new Promise(() => {})
    })
    const answer = ask(world, headers)
    await arrived.promise
    await expect.poll(() => [...world.timers].filter(({ ms }) => ms === 3000).length).toBe(1)
    for (const { ms, ring } of world.timers) if (ms === 3000) ring()
    expect(await outcome(answer)).toEqual([502, 'UpstreamFailure'])
  }))

it('a huge one is refused', () =>
  inWorld({}, async (world) => {
    const services = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`s${n}`, 'x'.repeat(100)]))
    playDidWeb(world, { x: `https://${OTHER_HOST}`, ...services })
    expect((await ask(world, await bearer(world))).ok).toBe(false)
  }))

it('at most 200 are kept', () =>
  inWorld({}, async (world) => {
    const headers = await bearer(world)
    let documents = 0
    const hostOf = (n: number) => `s${n}.example.net`
    for (let n = 0; n <= 200; n++)
      world.hosts.set(hostOf(n), ({ pathname }) => {
        if (pathname !== '/.well-known/did.json') return Response.json({})
        documents++
        return didDocument(`did:web:${hostOf(n)}`, { x: `https://${hostOf(n)}` })
      })
    for (let n = 0; n <= 200; n++) await ask(world, headers, `did:web:${hostOf(n)}`)
    expect(documents).toBe(201)
    await ask(world, headers, `did:web:${hostOf(200)}`)
    expect(documents).toBe(201)
    await ask(world, headers, `did:web:${hostOf(0)}`)
    expect(documents).toBe(202)
  }))

it('strangers who look up many others do not make services that are in use forgotten', () =>
  inWorld({}, async (world) => {
    const other = playDidWeb(world, { x: `https://${OTHER_HOST}` })
    const headers = await bearer(world)
    await ask(world, headers)
    for (let n = 0; n < 250; n++) {
      const path = `/xrpc/com.atproto.repo.describeRepo?repo=did:web:s${n}.example.org`
      const answer = world.fetch(path, { headers: { 'cf-connecting-ip': `203.0.${n}.1` } })
      expect(await outcome(answer)).toEqual([502, 'UpstreamFailure'])
    }
    expect((await ask(world, headers)).status).toBe(200)
    expect(other.documents()).toBe(1)
  }))
