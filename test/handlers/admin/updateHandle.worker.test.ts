/** The preview of a change of the handle: what is signed is what was shown. */
import { describe, expect, it } from 'vitest'
import { failure } from '../support/calls.ts'
import { changeDid } from '../support/did.ts'
import { HANDLE, inWorld } from '../support/world.ts'

const NEW = 'alice.example.org'

describe('com.cirrus.admin.updateHandle', () => {
  it('shows the operation, and then signs exactly that', () =>
    inWorld({}, async (world) => {
      world.dns.set(NEW, world.did)
      const { updateHandle } = world.admin.com.cirrus.admin
      const { data, cid } = await world.account.identity.directory.head(world.did)
      const shown = await updateHandle({ handle: NEW, preview: true })
      const operation = { type: 'plc_operation', ...data, alsoKnownAs: [`at://${NEW}`], prev: cid }
      expect(shown).toEqual({
        handle: NEW,
        previous: HANDLE,
        id: expect.stringMatching(/^[0-9a-f]{64}$/),
        operation,
        changes: [`the handle changes from at://${HANDLE} to at://${NEW}`],
      })
      expect([world.account.handle, world.journal().includes('sign')]).toEqual([HANDLE, false])
      await updateHandle({ handle: NEW, operation: shown.id ?? '' })
      expect(world.directory.head(world.did).operation).toMatchObject(operation)
    }))

  it('signs nothing where another operation than the one that was shown would be needed', () =>
    inWorld({}, async (world) => {
      world.dns.set(NEW, world.did)
      const { updateHandle } = world.admin.com.cirrus.admin
      const { id = '' } = await updateHandle({ handle: NEW, preview: true })
      await changeDid(world, world.recovery, {
        rotationKeys: [world.recovery.did, world.key.did].toReversed(),
      })
      const refused = await failure(updateHandle({ handle: NEW, operation: id }))
      expect(refused).toMatchObject({ status: 400, error: 'OperationChanged' })
      expect([world.account.handle, world.journal().includes('sign')]).toEqual([HANDLE, false])
    }))

  it('names what is not a handle', () =>
    inWorld({}, async (world) => {
      const refused = await failure(
        world.admin.com.cirrus.admin.updateHandle({ handle: 'a b', preview: true }),
      )
      expect(refused).toMatchObject({ status: 400, error: 'InvalidHandle' })
    }))
})
