/** What the network is told without anybody writing: changes of the identity, imports, and that there is something to crawl. */
import { decode } from '@atproto/lex-cbor'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { verifyCommit } from '../../src/repo/commit.ts'
import {
  latestCommit,
  HANDLE,
  inWorld,
  type Key,
  newKey,
  ORIGIN,
  TARGET,
  type World,
} from './support/world.ts'

vi.setConfig({ testTimeout: 30_000 })

const EMIT = 'com.cirrus.admin.emitIdentity'
const CRAWL = 'com.cirrus.admin.requestCrawl'
const MINUTE = 60_000

afterEach(() => vi.restoreAllMocks())

/** The owner changes the DID document, with the key at the head of the list. */
const change = async (world: World, by: Key, changes: { handle?: string; key?: string; pds?: string }) => {
  const { data, cid } = await world.account.identity.directory.head(world.did)
  if (!data) throw new Error('tombstoned')
  await world.directory.add(
    world.did,
    await by.rotation.signOperation({
      type: 'plc_operation',
      ...data,
      ...(changes.handle && { alsoKnownAs: [`at://${changes.handle}`] }),
      ...(changes.key && { verificationMethods: { atproto: changes.key } }),
      services: {
        atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: changes.pds ?? ORIGIN },
      },
      prev: cid,
    }),
  )
}

const since = (world: World, seq: number) =>
  world.account.sequencer
    .read(seq, 100)
    .map(({ type, body }) => ({ type, ...(decode(body) as Record<string, unknown>) }))

describe('a change of the identity', () => {
  it('of the handle is announced once, whoever notices it', () =>
    inWorld({}, async (world) => {
      const from = world.account.sequencer.latest()
      await world.account.maintenance.run()
      expect(since(world, from)).toEqual([])
      await change(world, world.recovery, { handle: 'alice.example.org' })
      world.clock.now += 10 * MINUTE
      await world.account.maintenance.run()
      for (let i = 0; i < 3; i++) await world.account.identityWatch.observe()
      expect(since(world, from)).toMatchObject([{ type: 'identity', handle: 'alice.example.org' }])
    }))

  it('of the key is announced, and follows with a commit under the new key once the server has it', () =>
    inWorld({}, async (world) => {
      const from = world.account.sequencer.latest()
      const { root: before } = world.account.repo.load()
      const next = await newKey()
      await world.restart({ SIGNING_KEY: next.hex.reveal(), ROTATION_KEY: world.key.hex.reveal() })
      // The DID does not name it yet: no relay would believe it.
      await world.account.maintenance.run()
      expect(world.account.repo.load().root.equals(before)).toBe(true)
      await change(world, world.recovery, { key: next.did })
      world.clock.now += 10 * MINUTE
      for (let i = 0; i < 3; i++) {
        await world.account.maintenance.run()
        world.clock.now += 10 * MINUTE
      }
      const { rev } = world.account.repo.load()
      expect(since(world, from)).toMatchObject([
        { type: 'identity', handle: HANDLE },
        { type: 'sync', rev },
      ])
      expect(await verifyCommit(await latestCommit(world), next.did)).toBe(true)
      expect(world.journal()).toContain('key-change')
      expect((await world.account.check()).problems).toEqual([])
    }))

  it('that was made while the server was away is noticed when it starts', () =>
    inWorld({}, async (world) => {
      const { sequencer } = world.account
      const from = sequencer.latest()
      const next = await newKey()
      await change(world, world.recovery, { key: next.did })
      await world.restart({ SIGNING_KEY: next.hex.reveal(), ROTATION_KEY: world.key.hex.reveal() })
      expect(world.account.identityWatch.needsAnnouncement()).toBe(true)
      await world.account.maintenance.run()
      expect(since(world, from).map(({ type }) => type)).toEqual(['identity', 'sync'])
      expect(world.account.identityWatch.needsAnnouncement()).toBe(false)
    }))

  it('of the configuration alone is looked into once, and announces nothing', () =>
    inWorld({}, async (world) => {
      const from = world.account.sequencer.latest()
      await world.restart({ HANDLE: 'alice.example.net' })
      expect(world.account.identityWatch.needsAnnouncement()).toBe(true)
      await world.account.maintenance.run()
      await world.restart({ HANDLE: 'alice.example.net' })
      expect(world.account.identityWatch.needsAnnouncement()).toBe(false)
      expect(since(world, from)).toEqual([])
    }))

  it('is not announced while the account is deactivated; the activation does', () =>
    inWorld({}, async (world) => {
      await world.call('com.atproto.server.deactivateAccount', { auth: world.admin, body: {} })
      const from = world.account.sequencer.latest()
      await change(world, world.recovery, { handle: 'alice.example.org' })
      await world.account.identityWatch.observe()
      expect(since(world, from)).toEqual([])
      await world.call('com.atproto.server.activateAccount', { auth: world.admin })
      await world.account.identityWatch.observe()
      expect(since(world, from)).toMatchObject([
        { type: 'account', active: true },
        { type: 'identity', handle: 'alice.example.org' },
        { type: 'sync' },
      ])
    }))

  it('to another PDS, and back, is announced once each', () =>
    inWorld({}, async (world) => {
      const from = world.account.sequencer.latest()
      await change(world, world.recovery, { pds: TARGET })
      for (let i = 0; i < 3; i++) await world.account.identityWatch.observe()
      expect(since(world, from).map(({ type }) => type)).toEqual(['identity'])
      await change(world, world.recovery, { handle: 'elsewhere.example.org', pds: TARGET })
      await world.account.identityWatch.observe()
      expect(since(world, from)).toHaveLength(1)
      await change(world, world.recovery, { handle: HANDLE })
      for (let i = 0; i < 3; i++) await world.account.identityWatch.observe()
      expect(since(world, from).map(({ type }) => type)).toEqual(['identity', 'identity'])
    }))

  it('is announced by hand at any time, also where the directory is down', () =>
    inWorld({}, async (world) => {
      const from = world.account.sequencer.latest()
      const first = await world.call(EMIT, { auth: world.admin })
      expect(first.body).toEqual({ did: world.did, seq: from + 1, handle: HANDLE })
      world.directory.mode = 'down'
      const second = await world.call(EMIT, { auth: world.admin })
      expect(second.body).toMatchObject({ seq: from + 2, handle: HANDLE, error: expect.any(String) })
      expect(since(world, from).map(({ type }) => type)).toEqual(['identity', 'identity'])
    }))

  it('cannot be announced by hand before there is an account', () =>
    inWorld({ active: false }, async (world) => {
      expect((await world.call(EMIT, { auth: world.admin })).error).toBe('RepoNotFound')
    }))
})

describe('relays', () => {
  const RELAYS = { relays: 'https://one.example.com https://two.example.com/' }

  const relay = (world: World) => {
    const asked: { host: string; at: number; body: unknown }[] = []
    const state = { status: 200 }
    for (const host of ['one.example.com', 'two.example.com', 'three.example.com'])
      world.hosts.set(host, (url, init) => {
        asked.push({ host, at: world.clock.now, body: JSON.parse(String(init?.body)) })
        expect([url.pathname, new Headers(init?.headers).get('authorization')]).toEqual([
          '/xrpc/com.atproto.sync.requestCrawl',
          null,
        ])
        return state.status === 200
          ? new Response(null, { status: 200 })
          : Response.json({ error: 'HostBanned', message: 'no \u001b[31mthanks' }, { status: state.status })
      })
    return { asked, state }
  }

  const post = (world: World) =>
    world.account.repo.commit([
      {
        action: 'create',
        collection: 'a.b.c',
        rkey: world.account.nextKey(),
        record: { $type: 'a.b.c', text: 'x' },
      },
    ])

  it('are told after an activation, then at most every 20 minutes, and only after something happened', () =>
    inWorld(RELAYS, async (world) => {
      const { asked } = relay(world)
      await world.account.maintenance.run()
      expect(asked.map(({ host, body }) => [host, body])).toEqual([
        ['one.example.com', { hostname: 'cirrus.example.com' }],
        ['two.example.com', { hostname: 'cirrus.example.com' }],
      ])
      world.clock.now += 60 * MINUTE
      await world.account.maintenance.run()
      expect(asked).toHaveLength(2)
      await post(world)
      await world.account.maintenance.run()
      expect(asked).toHaveLength(4)
      for (let i = 0; i < 19; i++) {
        world.clock.now += MINUTE
        await post(world)
        await world.account.maintenance.run()
      }
      expect(asked).toHaveLength(4)
      world.clock.now += MINUTE
      await world.account.maintenance.run()
      expect(asked).toHaveLength(6)
      world.clock.now += MINUTE
      await world.call('com.atproto.server.deactivateAccount', { auth: world.admin, body: {} })
      await world.call('com.atproto.server.activateAccount', { auth: world.admin })
      await world.account.maintenance.run()
      expect(asked).toHaveLength(8)
    }))

  it('that fail are asked again, later and later, and no write waits for them', () =>
    inWorld(RELAYS, async (world) => {
      const said = vi.spyOn(console, 'warn').mockImplementation(() => {})
      const { asked, state } = relay(world)
      state.status = 500
      await world.account.maintenance.run()
      const start = world.clock.now
      for (let i = 0; i < 240; i++) {
        world.clock.now += MINUTE
        await post(world)
        await world.account.maintenance.run()
      }
      const minutes = asked
        .filter(({ host }) => host === 'one.example.com')
        .map(({ at }) => (at - start) / MINUTE)
      expect(minutes).toEqual([0, 1, 3, 7, 15, 31, 63, 127])
      expect(String(said.mock.calls[0])).toContain('it answered 500 no ?[31mthanks')
      state.status = 200
      world.clock.now += 128 * MINUTE
      await world.account.maintenance.run()
      expect(asked.at(-1)?.at).toBe(world.clock.now)
      expect(world.bugs).toEqual([])
    }))

  it('hear nothing of an account that is only just coming in', () =>
    inWorld({ ...RELAYS, active: false }, async (world) => {
      const { asked } = relay(world)
      await world.account.repo.create()
      world.account.sql.run(`UPDATE account SET state = 'deactivated'`)
      world.account.sequencer.transaction(() => world.account.sequencer.identity(HANDLE))
      await world.account.maintenance.run()
      expect(asked).toEqual([])
      await world.call('com.atproto.server.activateAccount', { auth: world.admin })
      await world.account.maintenance.run()
      expect(asked).toHaveLength(2)
    }))

  it('are none while developing, and the public ones by default', () =>
    inWorld({}, async (world) => {
      const { asked } = relay(world)
      await post(world)
      await world.account.maintenance.run()
      expect(asked).toEqual([])
      await world.restart({ RELAYS: undefined })
      expect(world.account.config.relays).toEqual(['https://bsky.network'])
      await world.restart({ RELAYS: undefined, DEV: 'true' })
      expect(world.account.config.relays).toEqual([])
      await expect(world.restart({ RELAYS: 'one.example.com' })).rejects.toThrow('RELAYS')
      await expect(world.restart({ FIREHOSE_RETENTION_HOURS: 'soon' })).rejects.toThrow(
        'FIREHOSE_RETENTION_HOURS',
      )
    }))

  it('are told by hand, each with its answer', () =>
    inWorld(RELAYS, async (world) => {
      const { asked, state } = relay(world)
      const all = await world.call(CRAWL, { auth: world.admin, body: {} })
      expect(all.body).toEqual({
        hostname: 'cirrus.example.com',
        results: [
          { relay: 'https://one.example.com', ok: true },
          { relay: 'https://two.example.com', ok: true },
        ],
      })
      vi.spyOn(console, 'warn').mockImplementation(() => {})
      state.status = 403
      const relays = ['https://three.example.com/', 'https://nobody.example.com', 'http://10.0.0.1']
      const some = await world.call(CRAWL, { auth: world.admin, body: { relays } })
      expect(some.body.results).toMatchObject([
        { relay: 'https://three.example.com', ok: false, error: 'it answered 403 no ?[31mthanks' },
        {
          relay: 'https://nobody.example.com',
          ok: false,
          error: expect.stringContaining('could not be reached'),
        },
        { relay: 'http://10.0.0.1', ok: false, error: expect.stringContaining('not https') },
      ])
      expect(asked).toHaveLength(3)
      await world.call('com.atproto.server.deactivateAccount', { auth: world.admin, body: {} })
      expect((await world.call(CRAWL, { auth: world.admin, body: {} })).error).toBe('AccountNotActive')
    }))
})

describe('the state of the repository', () => {
  it('is told as it is, in every state, by listRepos and getRepoStatus', () =>
    inWorld({ active: false }, async (world) => {
      const ask = async () => {
        const status = await world.call('com.atproto.sync.getRepoStatus', { params: { did: world.did } })
        const list = await world.call('com.atproto.sync.listRepos')
        return [status.error ?? status.body, list.body.repos]
      }
      const { did } = world
      expect(await ask()).toEqual(['RepoNotFound', []])
      await world.call('com.atproto.server.activateAccount', { auth: world.admin })
      const here = () => {
        const { rev, root } = world.account.repo.load()
        return [{ did, active: true, rev }, [{ did, active: true, rev, head: root.toString() }]]
      }
      expect(await ask()).toEqual(here())
      await change(world, world.recovery, { pds: TARGET })
      await world.account.identityWatch.observe()
      expect(await ask()).toEqual(here())
      await world.call('com.atproto.server.deactivateAccount', { auth: world.admin, body: {} })
      const { rev, root } = world.account.repo.load()
      const gone = { did, active: false, status: 'deactivated' }
      expect(await ask()).toEqual([gone, [{ ...gone, rev, head: root.toString() }]])
    }))
})
