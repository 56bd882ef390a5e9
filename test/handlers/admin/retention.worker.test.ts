/**
 * What this server keeps after a move: recordVerification, releaseRetention, and what they lock and unlock in importRepo,
 * deleteAccount and the collection of blobs.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { onFault } from '../../../src/fault.ts'
import { bytesOf, failure } from '../support/calls.ts'
import { put, upload } from '../support/blobs.ts'
import { changeDid, pdsAt } from '../support/did.ts'
import { DIED, killAt } from '../support/faults.ts'
import { HANDLE, inWorld, ORIGIN, TARGET, type World } from '../support/world.ts'

afterEach(() => onFault(undefined))

const HOUR = 3600_000
const locked = { error: 'RetentionLocked', status: 400 }

/** The DID names the target from now on, and this server has seen it. Gives the time. */
const moveAway = async (world: World): Promise<number> => {
  await changeDid(world, world.key, { services: pdsAt(TARGET) })
  await world.account.identityWatch.observe()
  return world.clock.now
}
const verified = ({ admin, account }: World, changes: { pds?: string; data?: string } = {}) =>
  admin.com.cirrus.admin.recordVerification({
    pds: TARGET,
    data: account.repo.requireHead().data.toString(),
    ...changes,
  })
const lockOf = async ({ admin }: World) => (await admin.com.cirrus.admin.getStatus()).retention
const erased = ({ admin, did }: World, confirmHandle?: string) =>
  admin.com.cirrus.admin.deleteAccount({ did, ...(confirmHandle !== undefined && { confirmHandle }) })

describe('the retention lock', () => {
  it('holds for 72 hours after the move was noticed, and until a verification was recorded', () =>
    inWorld({}, async (world) => {
      expect(await lockOf(world)).toBeUndefined()
      const at = await moveAway(world)
      const until = new Date(at + 72 * HOUR).toISOString()
      expect(await lockOf(world)).toEqual({ pds: TARGET, until, verified: false })
      expect(await verified(world)).toEqual({ retention: { pds: TARGET, until, verified: true } })
      world.clock.now = at + 72 * HOUR - 1
      expect(await lockOf(world)).toEqual({ pds: TARGET, until, verified: true })
      world.clock.now += 1
      expect(await lockOf(world)).toBeUndefined()
      await erased(world)
    }))

  it('holds for ever where nothing was verified', () =>
    inWorld({}, async (world) => {
      await moveAway(world)
      world.clock.now += 1000 * HOUR
      expect(await lockOf(world)).toMatchObject({ verified: false })
      const error = await failure(erased(world))
      expect(error).toMatchObject(locked)
      expect(error.message).toContain(`not verified that everything is on ${TARGET}`)
    }))

  it('refuses deleteAccount, also where the move is seen only then, unless the handle is typed', () =>
    inWorld({}, async (world) => {
      await changeDid(world, world.key, { services: pdsAt(TARGET) })
      world.clock.now += HOUR
      const before = world.latest()
      expect(await failure(erased(world))).toMatchObject(locked)
      expect(world.events(before)).toEqual(['identity'])
      expect(await failure(erased(world, 'bob.example.com'))).toMatchObject({ error: 'HandleMismatch' })
      expect(world.account.state()).toBe('moved')
      await erased(world, HANDLE.toUpperCase())
      expect(world.account.state()).toBe('deleted')
    }))

  it('leaves deactivation free', () =>
    inWorld({}, async (world) => {
      await moveAway(world)
      await world.admin.com.atproto.server.deactivateAccount({})
      expect(await lockOf(world)).toMatchObject({ verified: false })
    }))

  it('refuses an import over the repository, and takes it once the owner has given up what is here', () =>
    inWorld({}, async (world) => {
      const { account, admin, did } = world
      const owner = await world.signIn()
      await put(owner, did, 'a', { text: 'only here' })
      const car = await bytesOf(await owner.com.atproto.sync.getRepo({ did }))
      await put(owner, did, 'b', { text: 'later' })
      const head = account.repo.requireHead()
      await moveAway(world)
      await admin.com.atproto.server.deactivateAccount({})
      expect(await failure(owner.com.atproto.repo.importRepo(car))).toMatchObject(locked)
      expect(await failure(admin.com.cirrus.admin.pullRepo({ source: TARGET }))).toMatchObject(locked)
      expect(account.repo.requireHead()).toEqual(head)
      const { releaseRetention } = admin.com.cirrus.admin
      expect(await failure(releaseRetention({ confirmHandle: 'bob.example.com' }))).toMatchObject({
        error: 'HandleMismatch',
        status: 400,
      })
      await releaseRetention({ confirmHandle: HANDLE })
      await releaseRetention({ confirmHandle: HANDLE })
      expect(world.journal().filter((event) => event === 'release')).toHaveLength(1)
      expect(await lockOf(world)).toBeUndefined()
      await owner.com.atproto.repo.importRepo(car)
      expect(account.records.countByCollection()).toEqual({ 'com.example.thing': 1 })
    }))

  it('refuses an import that was begun before the move was noticed, and leaves the repository', () =>
    inWorld({}, async (world) => {
      const { account, admin, did } = world
      const owner = await world.signIn()
      await put(owner, did, 'a', { text: 'only here' })
      const car = await bytesOf(await owner.com.atproto.sync.getRepo({ did }))
      await put(owner, did, 'b', { text: 'later' })
      const head = account.repo.requireHead()
      await admin.com.atproto.server.deactivateAccount({})
      // In the acting transaction the DID names another PDS already.
      onFault((name) => {
        if (name === 'import.afterVerified')
          account.sql.run('UPDATE account SET moved_to = ?, moved_at = ?', TARGET, world.clock.now)
      })
      expect(await failure(owner.com.atproto.repo.importRepo(car))).toMatchObject(locked)
      expect(account.repo.requireHead()).toEqual(head)
      onFault(undefined)
      await world.restart()
      expect((await admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    }))

  it('keeps blobs that no record refers to any more', () =>
    inWorld({}, async (world) => {
      const { clock, did } = world
      const owner = await world.signIn()
      await upload(owner, 'never referred to', 'text/plain')
      await put(owner, did, 'a', { blob: await upload(owner, 'deleted', 'text/plain') })
      await owner.com.atproto.repo.deleteRecord({ repo: did, collection: 'com.example.thing', rkey: 'a' })
      const { account } = world
      const blobs = () => account.sql.first<{ n: number }>('SELECT count(*) AS n FROM blob')?.n
      await moveAway(world)
      clock.now += 80 * HOUR
      await account.maintenance.run()
      expect(blobs()).toBe(2)
      await verified(world)
      await account.maintenance.run()
      expect(blobs()).toBe(0)
    }))

  it('ends where the DID comes back, and begins again with another move, which must be verified itself', () =>
    inWorld({}, async (world) => {
      await moveAway(world)
      await verified(world)
      await changeDid(world, world.key, { services: pdsAt(ORIGIN) })
      expect(await lockOf(world)).toBeUndefined()
      world.clock.now += HOUR
      await moveAway(world)
      expect(await lockOf(world)).toMatchObject({ verified: false })
      await verified(world)
      const other = 'https://third.example.com'
      await changeDid(world, world.key, { services: pdsAt(other) })
      expect(await lockOf(world)).toMatchObject({ pds: other, verified: false })
    }))
})

describe('recordVerification', () => {
  it('is refused while the DID names this server, or another PDS than that one (NotMoved)', () =>
    inWorld({}, async (world) => {
      expect(await failure(verified(world))).toMatchObject({ error: 'NotMoved', status: 400 })
      await moveAway(world)
      const error = await failure(verified(world, { pds: 'https://third.example.com' }))
      expect(error).toMatchObject({ error: 'NotMoved' })
      expect(error.message).toContain(TARGET)
      expect(world.journal()).not.toContain('verify')
    }))

  it('is refused for another tree than the one that is here (OtherTree)', () =>
    inWorld({}, async (world) => {
      await moveAway(world)
      const { root } = world.account.repo.requireHead()
      expect(await failure(verified(world, { data: root.toString() }))).toMatchObject({ error: 'OtherTree' })
      expect(await lockOf(world)).toMatchObject({ verified: false })
    }))

  it('is all or nothing, and may be repeated', () =>
    inWorld({}, async (world) => {
      await moveAway(world)
      killAt('retention.afterState')
      expect(await failure(verified(world))).toMatchObject(DIED)
      expect(
        await failure(world.admin.com.cirrus.admin.releaseRetention({ confirmHandle: HANDLE })),
      ).toMatchObject(DIED)
      onFault(undefined)
      await world.restart()
      expect(await lockOf(world)).toMatchObject({ verified: false })
      for (let n = 0; n < 2; n++) await verified(world, { pds: `${TARGET}/` })
      expect(await lockOf(world)).toMatchObject({ verified: true })
    }))
})
