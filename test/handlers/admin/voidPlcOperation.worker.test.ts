import { describe, expect, it } from 'vitest'
import { changeDid, moveTo, pdsAt, targeted } from '../support/did.ts'
import { newKey } from '../support/keys.ts'
import { inWorld, ORIGIN, TARGET, type World } from '../support/world.ts'

/** Signs an operation that moves the DID away, and submits it nowhere. */
const sign = async (world: World) => {
  const mover = world.bearer(await world.mint(targeted))
  return (await mover.com.atproto.identity.signPlcOperation(moveTo(await newKey()))).operation
}

describe('voidPlcOperation', () => {
  it('makes an operation worthless that was signed and not submitted, which the status shows until then', () =>
    inWorld({}, async (world) => {
      const { getStatus, voidPlcOperation } = world.admin.com.cirrus.admin
      const operation = await sign(world)
      const before = await getStatus()
      expect(before.unsubmitted).toMatchObject([
        { pds: TARGET, signedAt: new Date(world.clock.now).toISOString() },
      ])
      const [waiting] = before.unsubmitted
      expect(waiting?.changes.join('\n')).toContain(`rotation key ${world.key.did} is dropped`)
      expect(before.next).toContain('pds identity --void')
      const answer = await voidPlcOperation()
      expect(answer).toEqual({ head: world.directory.head(world.did).cid, voided: [waiting?.cid] })
      await expect(world.directory.add(world.did, operation)).rejects.toThrow()
      const after = await getStatus()
      expect(after.unsubmitted).toEqual([])
      expect(after.identity).toMatchObject({
        pds: ORIGIN,
        head: answer.head,
        rotationKeys: before.identity.rotationKeys,
      })
      await expect(voidPlcOperation()).rejects.toMatchObject({ error: 'NothingToVoid' })
    }))

  it('answers DirectoryUnavailable when the directory fails, and sends the same bytes again after a lost answer', () =>
    inWorld({}, async (world) => {
      const { voidPlcOperation } = world.admin.com.cirrus.admin
      const unavailable = { error: 'DirectoryUnavailable' }
      await sign(world)
      world.directory.mode = 'down'
      await expect(voidPlcOperation()).rejects.toMatchObject(unavailable)
      world.directory.mode = 'up'
      let gets = 0
      world.directory.before = () => {
        // The log is read, then the operation goes out and is lost.
        if (++gets === 2) world.directory.mode = 'down'
      }
      await expect(voidPlcOperation()).rejects.toMatchObject(unavailable)
      world.directory.before = undefined
      world.directory.mode = 'deaf'
      await voidPlcOperation()
      expect(world.directory.logs.get(world.did)).toHaveLength(2)
    }))

  it('answers an error when the operation was submitted in the meantime: the DID has moved', () =>
    inWorld({}, async (world) => {
      const { getStatus, voidPlcOperation } = world.admin.com.cirrus.admin
      const operation = await sign(world)
      let asked = 0
      world.directory.before = async () => {
        if (++asked === 2) await world.directory.add(world.did, operation)
      }
      await expect(voidPlcOperation()).rejects.toMatchObject({ error: 'DirectoryUnavailable' })
      world.directory.before = undefined
      expect(await getStatus()).toMatchObject({
        state: 'moved',
        identity: { movedAway: true, pds: TARGET },
        unsubmitted: [],
      })
      await expect(voidPlcOperation()).rejects.toMatchObject({ error: 'NothingToVoid' })
    }))

  it('answers NothingToVoid where nothing was signed, and is for the admin', () =>
    inWorld({}, async ({ admin, signIn }) => {
      const owner = await signIn()
      await expect(owner.com.cirrus.admin.voidPlcOperation()).rejects.toMatchObject({ error: 'InvalidToken' })
      await expect(admin.com.cirrus.admin.voidPlcOperation()).rejects.toMatchObject({
        error: 'NothingToVoid',
      })
    }))

  it('answers NothingToVoid for a did:web', () =>
    inWorld({ didWeb: true }, async ({ admin }) => {
      await expect(admin.com.cirrus.admin.voidPlcOperation()).rejects.toMatchObject({
        error: 'NothingToVoid',
      })
    }))

  it('answers KeyNotAuthorized where this server has another rotation key than the head names', () =>
    inWorld({}, async (world) => {
      await sign(world)
      await world.restart({ ROTATION_KEY: (await newKey()).hex.reveal() })
      await expect(world.admin.com.cirrus.admin.voidPlcOperation()).rejects.toMatchObject({
        status: 400,
        error: 'KeyNotAuthorized',
      })
    }))

  it('has nothing to void once the owner changed the DID with the recovery key', () =>
    inWorld({}, async (world) => {
      const operation = await sign(world)
      await changeDid(world, world.recovery, { services: pdsAt(ORIGIN) })
      await expect(world.directory.add(world.did, operation)).rejects.toThrow()
      await expect(world.admin.com.cirrus.admin.voidPlcOperation()).rejects.toMatchObject({
        error: 'NothingToVoid',
      })
    }))
})
