/** What the network is told when the DID document changes without this server. */
import { describe, expect, it } from 'vitest'
import { verifyCommit } from '../../src/repo/commit.ts'
import { changeDid, latestCommit, pdsAt } from './support/did.ts'
import { newKey } from './support/keys.ts'
import { HANDLE, inWorld, ORIGIN, TARGET, type World } from './support/world.ts'

const MINUTE = 60_000

/** The owner changes the DID with the recovery key. */
const change = (world: World, changes: Parameters<typeof changeDid>[2]) =>
  changeDid(world, world.recovery, changes)
const handle = (name: string) => ({ alsoKnownAs: [`at://${name}`] })

describe('a change of the identity', () => {
  it('of the handle is announced once, however it is noticed', () =>
    inWorld({}, async (world) => {
      const from = world.latest()
      await world.account.maintenance.run()
      expect(world.events(from)).toEqual([])
      await change(world, handle('alice.example.org'))
      world.clock.now += 10 * MINUTE
      await world.account.maintenance.run()
      for (let i = 0; i < 3; i++) await world.account.identityWatch.observe()
      expect(world.announced(from)).toMatchObject([{ type: 'identity', handle: 'alice.example.org' }])
    }))

  it('of the key is announced, and followed by a commit under the new key once the server has it', () =>
    inWorld({}, async (world) => {
      const from = world.latest()
      const before = await world.head()
      const next = await newKey()
      await world.restart({ SIGNING_KEY: next.hex.reveal(), ROTATION_KEY: world.key.hex.reveal() })
      // The DID does not name it yet: no relay would believe it.
      await world.account.maintenance.run()
      expect(await world.head()).toEqual(before)
      await change(world, { verificationMethods: { atproto: next.did } })
      world.clock.now += 10 * MINUTE
      for (let i = 0; i < 3; i++) {
        await world.account.maintenance.run()
        world.clock.now += 10 * MINUTE
      }
      const { rev } = await world.head()
      expect(world.announced(from)).toMatchObject([
        { type: 'identity', handle: HANDLE },
        { type: 'sync', rev },
      ])
      expect(await verifyCommit(await latestCommit(world), next.did)).toBe(true)
      expect(world.journal()).toContain('key-change')
      expect((await world.admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    }))

  it('that was made while the server was away is noticed when it starts', () =>
    inWorld({}, async (world) => {
      const from = world.latest()
      const next = await newKey()
      await change(world, { verificationMethods: { atproto: next.did } })
      await world.restart({ SIGNING_KEY: next.hex.reveal(), ROTATION_KEY: world.key.hex.reveal() })
      expect(world.account.identityWatch.needsAnnouncement()).toBe(true)
      await world.account.maintenance.run()
      expect(world.events(from)).toEqual(['identity', 'sync'])
      expect(world.account.identityWatch.needsAnnouncement()).toBe(false)
    }))

  it('of the configuration alone is looked into once, and announces nothing', () =>
    inWorld({}, async (world) => {
      const from = world.latest()
      await world.restart({ HANDLE: 'alice.example.net' })
      expect(world.account.identityWatch.needsAnnouncement()).toBe(true)
      await world.account.maintenance.run()
      await world.restart({ HANDLE: 'alice.example.net' })
      expect(world.account.identityWatch.needsAnnouncement()).toBe(false)
      expect(world.events(from)).toEqual([])
    }))

  it('is not announced while the account is deactivated; the activation does', () =>
    inWorld({}, async (world) => {
      await world.admin.com.atproto.server.deactivateAccount()
      const from = world.latest()
      await change(world, handle('alice.example.org'))
      await world.account.identityWatch.observe()
      expect(world.events(from)).toEqual([])
      await world.admin.com.atproto.server.activateAccount()
      await world.account.identityWatch.observe()
      expect(world.announced(from)).toMatchObject([
        { type: 'account', active: true },
        { type: 'identity', handle: 'alice.example.org' },
        { type: 'sync' },
      ])
    }))

  it('to another PDS, and back, is announced once each', () =>
    inWorld({}, async (world) => {
      const from = world.latest()
      await change(world, { services: pdsAt(TARGET) })
      for (let i = 0; i < 3; i++) await world.account.identityWatch.observe()
      expect(world.events(from)).toEqual(['identity'])
      await change(world, handle('elsewhere.example.org'))
      await world.account.identityWatch.observe()
      expect(world.events(from)).toHaveLength(1)
      await change(world, { ...handle(HANDLE), services: pdsAt(ORIGIN) })
      for (let i = 0; i < 3; i++) await world.account.identityWatch.observe()
      expect(world.events(from)).toEqual(['identity', 'identity'])
    }))
})
