import { afterEach, describe, expect, it, vi } from 'vitest'
import { formatTid, parseTid } from '../../../src/repo/tid.ts'
import { decodeJws } from '../../../src/crypto/jws.ts'
import { RELAYS } from '../support/relays.ts'
import { APP_VIEW, HANDLE, inWorld, type World } from '../support/world.ts'

afterEach(() => vi.restoreAllMocks())

const [appViewUrl = '', appViewDid = ''] = APP_VIEW.split(' ')
const HOUR_MS = 3600_000

/** Relays that say what `says` has for them, and note who asked them to crawl. */
const answerAsRelays = ({ hosts, clock }: Pick<World, 'hosts' | 'clock'>, says: Record<string, unknown>) => {
  const crawls: { host: string; at: number }[] = []
  for (const host of ['one.example.com', 'two.example.com'])
    hosts.set(host, (url, init) => {
      if (init?.method === 'POST') {
        crawls.push({ host, at: clock.now })
        return new Response(null)
      }
      expect(`${url.pathname}${url.search}`).toBe(
        '/xrpc/com.atproto.sync.getHostStatus?hostname=cirrus.example.com',
      )
      const said = says[host]
      return said instanceof Response ? said.clone() : Response.json(said)
    })
  return crawls
}

describe('getReach', () => {
  it('says what each relay says, and how far it is behind', () =>
    inWorld({ relays: RELAYS }, async ({ admin, latest, ...world }) => {
      const says: Record<string, unknown> = {
        'one.example.com': { hostname: 'cirrus.example.com', status: 'active', seq: latest() - 2 },
        'two.example.com': Response.json({ error: 'HostNotFound' }, { status: 400 }),
      }
      answerAsRelays(world, says)
      const ask = async () => (await admin.com.cirrus.admin.getReach()).relays
      expect(await ask()).toEqual([
        { relay: 'https://one.example.com', status: 'active', behind: 2 },
        { relay: 'https://two.example.com', status: 'unknown' },
      ])
      says['one.example.com'] = { status: '\u001b[31m', seq: 'many' }
      says['two.example.com'] = Response.json({ error: 'MethodNotImplemented' }, { status: 501 })
      expect(await ask()).toEqual([
        { relay: 'https://one.example.com', error: 'it does not say (200)' },
        { relay: 'https://two.example.com', error: 'it does not say (501 MethodNotImplemented)' },
      ])
    }))

  it('asks the AppView as the account, and says how far it is behind', () =>
    inWorld({}, async ({ admin, did, hosts, head, clock }) => {
      const { rev } = await head()
      let answer = Response.json({ did, handle: HANDLE }, { headers: { 'atproto-repo-rev': rev } })
      hosts.set(new URL(appViewUrl).host, (url, init) => {
        expect(`${url.pathname}${url.search}`).toBe(
          `/xrpc/app.bsky.actor.getProfile?actor=${encodeURIComponent(did)}`,
        )
        const token = new Headers(init?.headers).get('authorization')?.replace('Bearer ', '') ?? ''
        expect(decodeJws(token).payload).toMatchObject({
          iss: did,
          aud: appViewDid,
          lxm: 'app.bsky.actor.getProfile',
          exp: Math.floor(clock.now / 1000) + 60,
        })
        return answer
      })
      const ask = async () => (await admin.com.cirrus.admin.getReach()).appView
      const url = appViewUrl
      expect(await ask()).toEqual({ url, known: true, handle: HANDLE, rev, behindMs: 0 })

      const older = formatTid(parseTid(rev).micros - 90_000_000)
      answer = Response.json({ did, handle: 'handle.invalid' }, { headers: { 'atproto-repo-rev': older } })
      expect(await ask()).toEqual({
        url,
        known: true,
        handle: 'handle.invalid',
        rev: older,
        behindMs: 90_000,
      })
      answer = Response.json({ error: 'InvalidRequest', message: 'Profile not found' }, { status: 400 })
      expect(await ask()).toEqual({ url, known: false })
      answer = Response.json({ did: 'did:web:someone.else' })
      expect(await ask()).toEqual({ url, error: 'it answered 200' })
      answer = new Response('<html>', { status: 502 })
      expect(await ask()).toEqual({ url, error: 'it answered 502' })
    }))

  it('does not ask the AppView about an account that is not active', () =>
    inWorld({ active: false }, async ({ admin }) => {
      expect(await admin.com.cirrus.admin.getReach()).toEqual({ relays: [] })
    }))
})

describe('a relay that gave this server up', () => {
  it('is asked again by the alarm, with rest in between, until it follows', () =>
    inWorld({ relays: RELAYS }, async ({ account, clock, ...world }) => {
      const says: Record<string, unknown> = {
        'one.example.com': { status: 'offline' },
        'two.example.com': { status: 'idle' },
      }
      const crawls = answerAsRelays({ ...world, clock }, says)
      await account.relays.ask()
      const start = clock.now
      crawls.length = 0
      for (let hour = 0; hour < 12; hour++) {
        clock.now += HOUR_MS
        await account.maintenance.run()
      }
      expect(crawls.map(({ host, at }) => [host, Math.round((at - start) / HOUR_MS)])).toEqual([
        ['one.example.com', 3],
        ['one.example.com', 6],
        ['one.example.com', 9],
        ['one.example.com', 12],
      ])
      says['one.example.com'] = { status: 'active' }
      for (let hour = 0; hour < 12; hour++) {
        clock.now += HOUR_MS
        await account.maintenance.run()
      }
      expect(crawls).toHaveLength(4)
    }))

  it('is left alone while the account is not active', () =>
    inWorld({ relays: RELAYS }, async ({ account, admin, clock, ...world }) => {
      const crawls = answerAsRelays(
        { ...world, clock },
        { 'one.example.com': { status: 'offline' }, 'two.example.com': { status: 'offline' } },
      )
      await admin.com.atproto.server.deactivateAccount({})
      await account.relays.ask()
      crawls.length = 0
      clock.now += 12 * HOUR_MS
      await account.maintenance.run()
      expect(crawls).toEqual([])
    }))
})
