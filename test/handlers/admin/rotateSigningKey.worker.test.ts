/** A new signing key: what ends, what stays, and that every interruption goes on. */
import { afterEach, describe, expect, it } from 'vitest'
import { FAULT_POINTS, onFault } from '../../../src/fault.ts'
import { verifyCommit } from '../../../src/repo/commit.ts'
import { failure, post } from '../support/calls.ts'
import { changeDid, latestCommit, pdsAt } from '../support/did.ts'
import { DIED, killAt } from '../support/faults.ts'
import { type Key, newKey } from '../support/keys.ts'
import { inWorld, SERVICE, TARGET, type World, type WorldOptions } from '../support/world.ts'

const MINUTE = 60_000

afterEach(() => onFault(undefined))

/** The secrets as `pds rotate-key` has them put before the key changes. */
const inReadyWorld = (options: WorldOptions, work: (world: World, next: Key) => Promise<void>) =>
  inWorld(options, async (world) => {
    const next = await newKey()
    await restart(world, next)
    await work(world, next)
  })
const restart = (world: World, next: Key) =>
  world.restart({ NEXT_SIGNING_KEY: next.hex.reveal(), ROTATION_KEY: world.key.hex.reveal() })
const rotate = (world: World, input: { preview?: boolean; operation?: string } = {}) =>
  world.admin.com.cirrus.admin.rotateSigningKey(input)
const status = async (world: World) => await world.admin.com.cirrus.admin.getStatus()
const operations = ({ directory, did }: World) => directory.logs.get(did)?.length

/** Everything that a finished change has, whichever way it was reached. */
const expectRotated = async (world: World, next: Key) => {
  expect(world.account.signingKey.did).toBe(next.did)
  const { rev } = await world.head()
  expect(await verifyCommit(await latestCommit(world), next.did)).toBe(true)
  expect((await world.account.identity.directory.head(world.did)).data).toMatchObject({
    verificationMethods: { atproto: next.did },
    rotationKeys: [world.recovery.did, world.key.did],
  })
  expect(operations(world)).toBe(2)
  const events = world.announced(0)
  expect(events.findLast(({ type }) => type === 'sync')).toMatchObject({ rev })
  expect(events.at(-1)).toMatchObject({ type: 'sync' })
  expect(world.journal().filter((event) => event === 'key-change')).toHaveLength(1)
  expect((await world.admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
}

describe('com.cirrus.admin.rotateSigningKey', () => {
  it('shows and signs exactly one operation, then signs the same tree again; sessions stay, tokens end', () =>
    inReadyWorld({}, async (world, next) => {
      const owner = await world.signIn()
      await post(owner, world.did)
      const token = await world.mint()
      const before = await latestCommit(world)
      const from = world.latest()
      const { data, cid } = await world.account.identity.directory.head(world.did)
      const shown = await rotate(world, { preview: true })
      const operation = {
        type: 'plc_operation',
        ...data,
        verificationMethods: { atproto: next.did },
        prev: cid,
      }
      expect(shown).toMatchObject({ signingKey: next.did, previous: world.key.did, operation })
      expect([world.events(from), operations(world)]).toEqual([[], 1])
      expect((await status(world)).next).toContain('`pds rotate-key`')
      await rotate(world, { operation: shown.id ?? '' })
      await expectRotated(world, next)
      const after = await latestCommit(world)
      expect(after.data).toEqual(before.data)
      expect(after.rev > before.rev).toBe(true)
      expect(world.announced(from)).toMatchObject([{ type: 'identity' }, { type: 'sync', rev: after.rev }])
      expect(await failure(world.bearer(token).com.cirrus.admin.getManifest())).toMatchObject({
        status: 400,
        error: 'InvalidToken',
      })
      expect(await owner.com.atproto.server.getSession()).toMatchObject({ active: true })
      await post(owner, world.did)
      expect(await verifyCommit(await latestCommit(world), next.did)).toBe(true)
      const recommended = await owner.com.atproto.identity.getRecommendedDidCredentials()
      expect(recommended.verificationMethods).toEqual({ atproto: next.did })
      // Signed with the new key, and good: another token, and what this server signs for the DID.
      await world.bearer(await world.mint()).com.cirrus.admin.getManifest()
    }))

  it('is the key in use in a new object, from either secret, and not one that is neither', () =>
    inReadyWorld({}, async (world, next) => {
      await rotate(world)
      await restart(world, next)
      expect((await status(world)).keys).toEqual({
        signingKey: next.did,
        secret: 'NEXT_SIGNING_KEY',
        rotationKey: world.key.did,
        separateRotationKey: true,
      })
      expect((await status(world)).next).toContain('`pds rotate-key` again')
      const moved = { SIGNING_KEY: next.hex.reveal(), ROTATION_KEY: world.key.hex.reveal() }
      await world.restart(moved)
      expect((await status(world)).keys).toMatchObject({ signingKey: next.did, secret: 'SIGNING_KEY' })
      expect((await status(world)).next).toContain('All is well')
      const third = await newKey()
      await world.restart({ ...moved, NEXT_SIGNING_KEY: third.hex.reveal() })
      await rotate(world)
      expect(world.account.signingKey.did).toBe(third.did)
    }))

  describe('refuses', () => {
    it('while the secrets are not in place', () =>
      inWorld({}, async (world) => {
        const next = await newKey()
        for (const secrets of [
          {},
          { NEXT_SIGNING_KEY: next.hex.reveal() },
          { NEXT_SIGNING_KEY: world.key.hex.reveal(), ROTATION_KEY: world.key.hex.reveal() },
        ]) {
          await world.restart(secrets)
          expect(await failure(rotate(world))).toMatchObject({ status: 400, error: 'KeyNotReady' })
        }
        expect(operations(world)).toBe(1)
      }))

    it('when the DID names another PDS, has changed since, or has no key of ours', () =>
      inReadyWorld({}, async (world) => {
        const { id = '' } = await rotate(world, { preview: true })
        await changeDid(world, world.recovery, { alsoKnownAs: ['at://alice.example.org'] })
        expect(await failure(rotate(world, { operation: id }))).toMatchObject({ error: 'OperationChanged' })
        const stranger = await newKey()
        await changeDid(world, world.recovery, { rotationKeys: [world.recovery.did, stranger.did] })
        expect(await failure(rotate(world))).toMatchObject({ status: 400, error: 'InvalidRequest' })
        await changeDid(world, world.recovery, { services: pdsAt(TARGET) })
        expect(await failure(rotate(world))).toMatchObject({ status: 400, error: 'InvalidRequest' })
        expect(world.account.signingKey.did).toBe(world.key.did)
        expect(world.journal()).not.toContain('key-change')
      }))
  })

  it('believes the verified log, and not the document that a directory shows', () =>
    inReadyWorld({}, async (world, next) => {
      world.directory.documentKey = next.did
      world.clock.now += 10 * MINUTE
      await world.account.maintenance.run()
      expect(world.account.signingKey.did).toBe(world.key.did)
    }))

  it('that another key of the DID signed is followed by the alarm', () =>
    inReadyWorld({}, async (world, next) => {
      await changeDid(world, world.recovery, { verificationMethods: { atproto: next.did } })
      world.clock.now += 10 * MINUTE
      await world.account.maintenance.run()
      await expectRotated(world, next)
    }))

  it('is followed by an activation, when the DID got the new key while the account was deactivated', () =>
    inReadyWorld({}, async (world, next) => {
      await world.admin.com.atproto.server.deactivateAccount()
      await changeDid(world, world.recovery, { verificationMethods: { atproto: next.did } })
      await world.account.maintenance.run()
      expect(world.account.signingKey.did).toBe(world.key.did)
      await world.admin.com.atproto.server.activateAccount()
      await expectRotated(world, next)
    }))

  it('signs no commit with the old key while it is under way', () =>
    inReadyWorld({}, async (world, next) => {
      const owner = await world.signIn()
      const from = world.latest()
      let writing: Promise<unknown> | undefined
      world.directory.before = () => {
        if (world.directory.requests.at(-1)?.startsWith('POST')) writing ??= post(owner, world.did)
      }
      await rotate(world)
      await writing
      expect(world.events(from)).toEqual(['identity', 'sync', 'commit'])
      expect(await verifyCommit(await latestCommit(world), next.did)).toBe(true)
    }))

  it('of a did:web on this host changes its document at once, and signs nothing', () =>
    inReadyWorld({ didWeb: true }, async (world, next) => {
      expect(await rotate(world, { preview: true })).toEqual({
        signingKey: next.did,
        previous: world.key.did,
        changes: [],
      })
      const from = world.latest()
      await rotate(world)
      expect(await world.account.identity.ownDocument()).toMatchObject({
        id: SERVICE,
        verificationMethod: [{ publicKeyMultibase: next.signing.multibase }],
      })
      expect(world.events(from)).toEqual(['identity', 'sync'])
      expect(await verifyCommit(await latestCommit(world), next.did)).toBe(true)
    }))

  describe.each(FAULT_POINTS.filter((point) => /^(change|changeKey)\./.test(point)))(
    'that dies at %s',
    (point) => {
      const die = async (world: World, next: Key) => {
        killAt(point)
        expect(await failure(rotate(world))).toMatchObject(DIED)
        onFault(undefined)
        await restart(world, next)
      }

      it('is finished by repeating it', () =>
        inReadyWorld({}, async (world, next) => {
          await die(world, next)
          expect((await rotate(world)).signingKey).toBe(next.did)
          await expectRotated(world, next)
        }))

      it('goes on by itself as soon as the directory has the operation', () =>
        inReadyWorld({}, async (world, next) => {
          await die(world, next)
          world.clock.now += 10 * MINUTE
          await world.account.maintenance.run()
          if (point === 'change.afterLedger') await rotate(world)
          await expectRotated(world, next)
        }))
    },
  )
})
