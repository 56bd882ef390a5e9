import { afterEach, describe, expect, it } from 'vitest'
import { onFault } from '../../../src/fault.ts'
import { operationCid } from '../../../src/plc/cid.ts'
import { failure } from '../support/calls.ts'
import { changeDid, moveTo, pdsAt, targeted } from '../support/did.ts'
import { DIED, killAt } from '../support/faults.ts'
import { newKey } from '../support/keys.ts'
import { HANDLE, inWorld, ORIGIN, TARGET, type World } from '../support/world.ts'

afterEach(() => onFault(undefined))

const labeler = { type: 'AtprotoLabeler', endpoint: 'https://labeler.example.com' }
/** A client with a token that is bound to the target. */
const mover = async (world: World) => world.bearer(await world.mint(targeted))
const signatures = (world: World) => world.journal().filter((event) => event === 'sign')

describe('signPlcOperation', () => {
  it('signs what the target of the token asks for, and writes down what changes', () =>
    inWorld({}, async (world) => {
      const key = await newKey()
      const token = await world.mint(targeted)
      const { operation } = await world
        .bearer(token)
        .com.atproto.identity.signPlcOperation({ token, ...moveTo(key) })
      expect(operation).toMatchObject({
        type: 'plc_operation',
        prev: world.directory.head(world.did).cid,
        rotationKeys: [world.recovery.did, key.did],
        alsoKnownAs: [`at://${HANDLE}`],
        verificationMethods: { atproto: key.did },
        services: pdsAt(TARGET),
      })
      await world.directory.add(world.did, operation)
      expect(world.journal()).toContain('sign')
      const { entries } = await world.admin.com.cirrus.admin.getJournal({ limit: 5 })
      expect(entries.find(({ event }) => event === 'sign')?.detail).toMatchObject({
        pds: TARGET,
        droppedKeys: [world.key.did],
      })
    }))

  it('merges: a labeler survives, and the keys above ours stay in front', () =>
    inWorld({}, async (world) => {
      await changeDid(world, world.key, { services: { ...pdsAt(ORIGIN), atproto_labeler: labeler } })
      const key = await newKey()
      const { operation } = await (
        await mover(world)
      ).com.atproto.identity.signPlcOperation({
        ...moveTo(key),
        rotationKeys: [key.did, world.recovery.did, world.key.did],
      })
      expect(operation.services).toEqual({ ...pdsAt(TARGET), atproto_labeler: labeler })
      expect(operation.rotationKeys).toEqual([world.recovery.did, key.did, world.key.did])
    }))

  it('refuses an operation that a leaked token asks for: another endpoint, other services, other methods', () =>
    inWorld({}, async (world) => {
      const { signPlcOperation } = (await mover(world)).com.atproto.identity
      const key = await newKey()
      for (const elsewhere of [moveTo(key, 'https://evil.example.com'), {}])
        await expect(signPlcOperation(elsewhere)).rejects.toMatchObject({ error: 'InvalidToken' })
      for (const more of [
        { services: { ...moveTo(key).services, atproto_labeler: labeler } },
        { ...moveTo(key), verificationMethods: { atproto: key.did, atproto_label: key.did } },
        { services: { atproto_pds: { type: 'Other', endpoint: TARGET } } },
      ])
        await expect(signPlcOperation(more)).rejects.toMatchObject({ error: 'InvalidRequest' })
      expect(world.account.plcLedger.signedSince(0)).toBe(false)
    }))

  it('refuses more than five rotation keys by name, and drops none', () =>
    inWorld({}, async (world) => {
      const rotationKeys = await Promise.all(Array.from({ length: 5 }, async () => (await newKey()).did))
      const input = { ...moveTo(await newKey()), rotationKeys }
      const refused = await failure((await mover(world)).com.atproto.identity.signPlcOperation(input))
      expect(refused.error).toBe('InvalidRequest')
      for (const key of rotationKeys) expect(refused.message).toContain(key)
    }))

  it('refuses keys, services and handles that the directory would not take', () =>
    inWorld({}, async (world) => {
      const { signPlcOperation } = (await mover(world)).com.atproto.identity
      for (const input of [
        { ...moveTo(world.key), rotationKeys: ['did:key:zNope'] },
        { ...moveTo(world.key), rotationKeys: [world.key.did, world.key.did] },
        { services: { atproto_pds: 'https://new.example.com' } },
        // An array is an object to the lexicon.
        { services: Object.assign([]) },
        { ...moveTo(world.key), verificationMethods: { atproto: 'z1' } },
        { ...moveTo(world.key), alsoKnownAs: Array.from({ length: 11 }, (_, i) => `at://${i}.example.com`) },
      ])
        await expect(signPlcOperation(input)).rejects.toMatchObject({ error: 'InvalidRequest' })
    }))

  it('answers the same request with the same bytes, also after the head has moved, and no other request', () =>
    inWorld({}, async (world) => {
      const { signPlcOperation } = (await mover(world)).com.atproto.identity
      const key = await newKey()
      const first = await signPlcOperation(moveTo(key))
      const { services, ...rest } = moveTo(key)
      await world.restart()
      world.clock.now += 1000
      const again = await signPlcOperation({ services, ...rest })
      expect(JSON.stringify(again)).toBe(JSON.stringify(first))
      await world.directory.add(world.did, first.operation)
      world.directory.mode = 'down'
      expect(await signPlcOperation(moveTo(key))).toEqual(first)
      world.directory.mode = 'up'
      await expect(signPlcOperation(moveTo(await newKey()))).rejects.toMatchObject({
        status: 400,
        error: 'InvalidToken',
      })
      expect(signatures(world)).toHaveLength(1)
    }))

  it('signs one of two requests with one token that come at once', () =>
    inWorld({}, async (world) => {
      const { signPlcOperation } = (await mover(world)).com.atproto.identity
      const [a, b] = [moveTo(await newKey()), moveTo(await newKey())]
      const answers = await Promise.allSettled([a, b, a].map((input) => signPlcOperation(input)))
      const signed = answers.filter((answer) => answer.status === 'fulfilled')
      expect(signed.length).toBeGreaterThan(0)
      for (const answer of answers)
        if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ error: 'InvalidToken' })
      expect(new Set(signed.map(({ value }) => JSON.stringify(value))).size).toBe(1)
      expect(signatures(world)).toHaveLength(1)
    }))

  it('asks the directory no more often because an operation was signed', () =>
    inWorld({}, async (world) => {
      await (await mover(world)).com.atproto.identity.signPlcOperation(moveTo(await newKey()))
      const before = world.directory.requests.length
      for (let i = 0; i < 5; i++) {
        world.clock.now += 1000
        await world.client.com.atproto.repo.describeRepo({ repo: world.did })
      }
      expect(world.directory.requests.length).toBe(before)
    }))

  it('answers UpstreamFailure while the directory is down or lies, and goes on when it is back', () =>
    inWorld({}, async (world) => {
      const { signPlcOperation } = (await mover(world)).com.atproto.identity
      const input = moveTo(await newKey())
      for (const mode of ['down', 'lying'] as const) {
        world.directory.mode = mode
        await expect(signPlcOperation(input), mode).rejects.toMatchObject({
          status: 502,
          error: 'UpstreamFailure',
        })
      }
      world.directory.mode = 'up'
      expect((await signPlcOperation(input)).operation).toHaveProperty('sig')
    }))

  it('says what to change in did.json for a did:web', () =>
    inWorld({ didWeb: true }, async (world) => {
      const owner = await world.signIn()
      const refused = await failure(owner.com.atproto.identity.signPlcOperation())
      expect(refused.error).toBe('InvalidRequest')
      expect(refused.message).toContain('did.json')
      expect(refused.message).toContain('serviceEndpoint')
    }))

  it('keeps the bytes it gave out when it dies before or after the ledger', () =>
    inWorld({}, async (world) => {
      const { signPlcOperation } = (await mover(world)).com.atproto.identity
      const input = moveTo(await newKey())
      for (const point of ['sign.beforeLedger', 'sign.afterLedger']) {
        killAt(point)
        await expect(signPlcOperation(input), point).rejects.toMatchObject(DIED)
        onFault(undefined)
        await world.restart()
        expect(world.account.plcLedger.signedSince(0)).toBe(point === 'sign.afterLedger')
      }
      const { unsubmitted } = await world.admin.com.cirrus.admin.getStatus()
      const { operation } = await signPlcOperation(input)
      expect(await operationCid(operation)).toBe(unsubmitted[0]?.cid)
      expect(signatures(world)).toHaveLength(1)
      expect(world.account.journal.verify().ok).toBe(true)
    }))
})
