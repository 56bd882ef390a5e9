import { describe, expect, it } from 'vitest'
import type { Client } from '../../../src/client/index.ts'
import { operationCid } from '../../../src/plc/cid.ts'
import type { PlcData } from '../../../src/plc/types.ts'
import { pdsAt } from '../support/did.ts'
import { HANDLE, inWorld, ORIGIN, TARGET, type World } from '../support/world.ts'

interface Changes extends Partial<PlcData> {
  prev?: string
}

/** The operation that getRecommendedDidCredentials leads to, with changes, signed by our rotation key. */
const recommended = async (world: World, owner: Client, changes: Changes = {}) => {
  const { rotationKeys = [], alsoKnownAs = [] } =
    await owner.com.atproto.identity.getRecommendedDidCredentials()
  const operation = await world.key.rotation.signOperation({
    type: 'plc_operation',
    rotationKeys,
    alsoKnownAs,
    verificationMethods: { atproto: world.key.did },
    services: pdsAt(ORIGIN),
    prev: world.directory.head(world.did).cid,
    ...changes,
  })
  return { ...operation }
}

describe('getRecommendedDidCredentials', () => {
  it('recommends our rotation key below the recovery key, our signing key, our endpoint and the handle', () =>
    inWorld({}, async ({ signIn, recovery, key }) => {
      const owner = await signIn()
      expect(await owner.com.atproto.identity.getRecommendedDidCredentials()).toEqual({
        rotationKeys: [recovery.did, key.did],
        alsoKnownAs: [`at://${HANDLE}`],
        verificationMethods: { atproto: key.did },
        services: pdsAt(ORIGIN),
      })
    }))

  it('leaves rotation keys out for a did:web', () =>
    inWorld({ didWeb: true }, async ({ signIn }) => {
      const owner = await signIn()
      const { rotationKeys } = await owner.com.atproto.identity.getRecommendedDidCredentials()
      expect(rotationKeys).toBeUndefined()
    }))
})

describe('requestPlcOperationSignature', () => {
  it('answers 200, sends no letter and does nothing', () =>
    inWorld({}, async ({ signIn, journal, events }) => {
      const owner = await signIn()
      const before = [journal(), events()]
      await owner.com.atproto.identity.requestPlcOperationSignature()
      expect([journal(), events()]).toEqual(before)
    }))
})

describe('submitPlcOperation', () => {
  it('submits what the recommendation leads to, once or twice', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const operation = await recommended(world, owner)
      for (let i = 0; i < 2; i++) await owner.com.atproto.identity.submitPlcOperation({ operation })
      expect(world.directory.head(world.did).cid).toBe(await operationCid(operation))
      expect(world.events().at(-1)).toBe('identity')
      expect(world.journal()).toContain('submit')
    }))

  it.each<[string, (world: World) => Partial<PlcData>]>([
    ['another endpoint', () => ({ services: pdsAt(TARGET) })],
    ['a service of another type', () => ({ services: { atproto_pds: { type: 'Other', endpoint: ORIGIN } } })],
    ['no service', () => ({ services: {} })],
    ['another signing key', ({ recovery }) => ({ verificationMethods: { atproto: recovery.did } })],
    ['another handle', () => ({ alsoKnownAs: ['at://bob.example.com'] })],
    ['no rotation key of ours', ({ recovery }) => ({ rotationKeys: [recovery.did] })],
  ])('refuses an operation with %s, which would not work here', (_, changes) =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const operation = await recommended(world, owner, changes(world))
      await expect(owner.com.atproto.identity.submitPlcOperation({ operation })).rejects.toMatchObject({
        error: 'InvalidRequest',
      })
    }),
  )

  it('refuses an operation that does not follow the head, and names the head', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const stale = await recommended(world, owner, {
        prev: await operationCid(await recommended(world, owner)),
      })
      await expect(owner.com.atproto.identity.submitPlcOperation({ operation: stale })).rejects.toMatchObject(
        {
          message: expect.stringContaining(world.directory.head(world.did).cid),
        },
      )
    }))

  it('refuses an operation whose signature is not that of a rotation key', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const unsigned = { ...(await recommended(world, owner)), sig: 'A'.repeat(86) }
      await expect(
        owner.com.atproto.identity.submitPlcOperation({ operation: unsigned }),
      ).rejects.toMatchObject({ error: 'InvalidRequest' })
    }))

  it('answers 502 while the directory is down', () =>
    inWorld({}, async (world) => {
      const owner = await world.signIn()
      const operation = await recommended(world, owner)
      world.directory.mode = 'down'
      await expect(owner.com.atproto.identity.submitPlcOperation({ operation })).rejects.toMatchObject({
        status: 502,
      })
    }))

  it('is refused for a did:web', () =>
    inWorld({ didWeb: true }, async ({ signIn }) => {
      const owner = await signIn()
      await expect(owner.com.atproto.identity.submitPlcOperation({ operation: {} })).rejects.toMatchObject({
        error: 'InvalidRequest',
      })
    }))
})
