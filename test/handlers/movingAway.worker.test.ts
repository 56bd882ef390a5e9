/** An account that moves away, and what this server does until its owner deactivates it or the DID comes back. */
import { describe, expect, it } from 'vitest'
import { failure, post } from './support/calls.ts'
import { changeDid, moveTo, pdsAt, targeted } from './support/did.ts'
import { newKey } from './support/keys.ts'
import { inWorld, ORIGIN, TARGET, type World } from './support/world.ts'

/** The rotation, by a migration token, to a PDS that keeps these rotation keys. */
const moveAway = async (world: World, rotationKeys?: string[]) => {
  const mover = world.bearer(await world.mint(targeted))
  const input = { ...moveTo(await newKey()), ...(rotationKeys && { rotationKeys }) }
  const { operation } = await mover.com.atproto.identity.signPlcOperation(input)
  await world.directory.add(world.did, operation)
}

/** The operation that names this server and its key again. */
const moveBack = (world: World) =>
  changeDid(world, world.key, {
    services: pdsAt(ORIGIN),
    verificationMethods: { atproto: world.key.did },
  })

describe('an account that moved away', () => {
  it('is noticed once: an identity event, a journal entry, no more writes, and the owner is still served', () =>
    inWorld({}, async (world) => {
      const { account, client, did } = world
      const { getStatus } = world.admin.com.cirrus.admin
      const owner = await world.signIn()
      await moveAway(world)
      const before = world.latest()
      for (let i = 0; i < 3; i++)
        expect((await getStatus()).identity).toMatchObject({ movedAway: true, pds: TARGET })
      expect(world.events(before)).toEqual(['identity'])
      expect(world.journal().filter((name) => name === 'moved-away')).toHaveLength(1)
      expect(account.state()).toBe('moved')
      await expect(post(owner, did)).rejects.toMatchObject({ status: 403, error: 'AccountDeactivated' })
      const repo = await client.com.atproto.sync.getRepo({ did })
      expect(repo.status).toBe(200)
      await repo.body.cancel()
      expect((await owner.com.atproto.server.getSession()).active).toBe(true)
      expect(await owner.com.atproto.server.checkAccountStatus()).toMatchObject({
        activated: true,
        validDid: false,
      })
      expect((await getStatus()).next).toContain('`pds deactivate`')
      const mover = world.bearer(await world.mint())
      expect((await mover.com.atproto.sync.listBlobs({ did })).cids).toEqual([])
    }))

  it('takes no write that was let in before the move was seen', () =>
    inWorld({}, async (world) => {
      const { account } = world
      const owner = await world.signIn()
      const before = account.repo.requireHead()
      let open = () => {}
      const held = account.repo.exclusive(() => new Promise<void>((resolve) => (open = resolve)))
      const write = failure(post(owner, world.did))
      await new Promise((resolve) => setTimeout(resolve, 50))
      await moveAway(world)
      await account.identityWatch.observe()
      open()
      await held
      expect(await write).toMatchObject({ status: 403, error: 'AccountDeactivated' })
      expect(account.repo.requireHead()).toEqual(before)
    }))

  it('cannot be activated here, before a deactivation or after, and the answer names the way out', () =>
    inWorld({}, async (world) => {
      const { admin, did } = world
      await moveAway(world)
      const owner = await world.signIn()
      const refused = await failure(owner.com.atproto.server.activateAccount())
      expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(refused.message).toContain(TARGET)
      expect(refused.message).toContain(`pds import --from ${TARGET}`)
      await owner.com.atproto.server.deactivateAccount()
      await expect(admin.com.atproto.server.activateAccount()).rejects.toMatchObject({
        error: 'InvalidRequest',
      })
      const after = await admin.com.cirrus.admin.getStatus()
      expect(after.state).toBe('deactivated')
      expect(after.next).toContain('The move is done')
      const repo = await owner.com.atproto.sync.getRepo({ did })
      expect(repo.status).toBe(200)
      await repo.body.cancel()
    }))

  it('comes back when the DID does, with a new commit above the last', () =>
    inWorld({}, async (world) => {
      const { getStatus } = world.admin.com.cirrus.admin
      const { activateAccount, deactivateAccount } = world.admin.com.atproto.server
      await moveAway(world, [world.key.did])
      await getStatus()
      await deactivateAccount()
      const { rev } = await world.head()
      await moveBack(world)
      const before = world.latest()
      expect((await getStatus()).next).toContain('`pds activate`')
      await activateAccount()
      expect(world.events(before)).toEqual(['account', 'identity', 'sync'])
      expect(world.account.state()).toBe('active')
      expect((await world.head()).rev > rev).toBe(true)
      expect(world.journal().slice(-2)).toEqual(['moved-back', 'activate'])
    }))

  it('goes on as active when the DID comes back without a deactivation', () =>
    inWorld({}, async (world) => {
      const { getStatus } = world.admin.com.cirrus.admin
      await moveAway(world, [world.key.did])
      await getStatus()
      await moveBack(world)
      await getStatus()
      expect(world.account.state()).toBe('active')
    }))

  it('signs again when it has come back without a deactivation: relays may know later revisions of the other PDS', () =>
    inWorld({}, async (world) => {
      const { account, clock } = world
      const owner = await world.signIn()
      await post(owner, world.did)
      clock.now += 60_000
      await moveAway(world, [world.key.did])
      await account.identityWatch.observe()
      await moveBack(world)
      const { data, rev } = account.repo.requireHead()
      clock.now += 60_000
      const before = world.latest()
      await account.lifecycle.followDid()
      const head = account.repo.requireHead()
      expect([head.data, head.rev > rev]).toEqual([data, true])
      expect(world.events(before)).toEqual(['identity', 'sync'])
      expect(world.announced(before).at(-1)).toMatchObject({ rev: head.rev })
      // Once.
      await account.lifecycle.followDid()
      await world.admin.com.atproto.server.activateAccount()
      expect(account.repo.requireHead()).toEqual(head)
      expect((await world.admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    }))
})
