/** A recovery key of the owner is put first, by an operation that the owner has seen. */
import { describe, expect, it } from 'vitest'
import { loadRotationKey } from '../../../src/signing/keys.ts'
import { testSecret } from '../../crypto/support.ts'
import { failure } from '../support/calls.ts'
import { changeDid, pdsAt } from '../support/did.ts'
import { inWorld, TARGET, type World } from '../support/world.ts'

const rotationKey = (name: string) => loadRotationKey(testSecret(name))
const { did: KEY } = await rotationKey('a key that the owner has made')
const P256 = 'did:key:zDnaeUKTWUXc1HDpGfKbEK31nKLN19yX5aunFd7VK1CUMeyJu'
const add = (world: World, input: { key?: string; preview?: boolean; operation?: string } = {}) =>
  world.admin.com.cirrus.admin.addRecoveryKey({ key: KEY, ...input })
const keysOf = async (world: World) =>
  (await world.account.identity.directory.head(world.did)).data?.rotationKeys ?? []

describe('com.cirrus.admin.addRecoveryKey', () => {
  it('shows and then signs exactly the operation that puts the key first', () =>
    inWorld({}, async (world) => {
      const { data, cid } = await world.account.identity.directory.head(world.did)
      const before = data?.rotationKeys ?? []
      const shown = await add(world, { preview: true })
      expect(await keysOf(world)).toEqual(before)
      const operation = { type: 'plc_operation', ...data, rotationKeys: [KEY, ...before], prev: cid }
      expect(shown).toMatchObject({
        operation,
        rotationKeys: [KEY, ...before],
        changes: [`rotation key ${KEY} is added as 1 of ${before.length + 1}`],
      })
      expect(await add(world, { operation: shown.id ?? '' })).toMatchObject({
        rotationKeys: [KEY, ...before],
      })
      expect(world.directory.head(world.did).operation).toMatchObject(operation)
      expect(world.journal().slice(-3)).toEqual(['sign', 'submit', 'recovery-key'])
    }))

  it('again changes nothing, and says which keys there are', () =>
    inWorld({}, async (world) => {
      await add(world)
      const entries = world.journal()
      expect(await add(world)).toEqual({ rotationKeys: await keysOf(world), changes: [] })
      expect(world.journal()).toEqual(entries)
      expect(world.directory.logs.get(world.did)).toHaveLength(2)
    }))

  it('takes a P-256 key, and moves one up that is lower in the list', () =>
    inWorld({}, async (world) => {
      const before = await keysOf(world)
      await add(world, { key: P256 })
      await add(world)
      await add(world, { key: P256 })
      expect(await keysOf(world)).toEqual([P256, KEY, ...before])
    }))

  it('refuses what is not a key, and the keys of this server', () =>
    inWorld({}, async (world) => {
      const { keys } = await world.admin.com.cirrus.admin.getStatus()
      for (const key of ['zQ3sh', 'did:key:zNope', keys?.signingKey ?? '', keys?.rotationKey ?? ''])
        expect(await failure(add(world, { key }))).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(world.journal()).not.toContain('sign')
    }))

  it('refuses more keys than the directory takes, and drops none', () =>
    inWorld({}, async (world) => {
      const others = ['a', 'b', 'c', 'd'].map((name) => rotationKey(`another key of the owner ${name}`))
      for (const { did } of await Promise.all(others)) await add(world, { key: did }).catch(() => undefined)
      const before = await keysOf(world)
      expect(before).toHaveLength(5)
      const refused = await failure(add(world))
      expect(refused).toMatchObject({ error: 'InvalidRequest' })
      expect(refused.message).toContain('at most 5')
      expect(await keysOf(world)).toEqual(before)
    }))

  it('signs nothing where the DID has changed since, or names another server', () =>
    inWorld({}, async (world) => {
      const { id = '' } = await add(world, { preview: true })
      await changeDid(world, world.recovery, { alsoKnownAs: ['at://alice.example.org'] })
      expect(await failure(add(world, { operation: id }))).toMatchObject({ error: 'OperationChanged' })
      await changeDid(world, world.recovery, { services: pdsAt(TARGET) })
      expect(await failure(add(world))).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(world.journal()).not.toContain('sign')
    }))
})
