/** Another handle: what is refused, what follows, and that every interruption can be finished. */
import { isValidHandle } from '@atproto/syntax'
import { afterEach, describe, expect, it } from 'vitest'
import { FAULT_POINTS, onFault } from '../../../src/fault.ts'
import { failure, logIn } from '../support/calls.ts'
import { changeDid, pdsAt } from '../support/did.ts'
import { DIED, KILLED, killAt } from '../support/faults.ts'
import { newKey } from '../support/keys.ts'
import { HANDLE, inWorld, ORIGIN, SERVICE, TARGET, type World, type WorldOptions } from '../support/world.ts'

const NEW = 'alice.example.org'

afterEach(() => onFault(undefined))

/** A world where the new handle leads to the account already. */
const inReadyWorld = (options: WorldOptions, work: (world: World) => Promise<void>) =>
  inWorld(options, async (world) => {
    world.dns.set(NEW, world.did)
    await work(world)
  })

const headOf = async ({ account, did }: World) => (await account.identity.directory.head(did)).data
const submitted = ({ directory, did }: World) =>
  directory.requests.filter((request) => request === `POST /${did}`).length
const update = (world: World, handle = NEW) => world.admin.com.cirrus.admin.updateHandle({ handle })

describe('updateHandle', () => {
  it('changes the DID, what the account answers, and the firehose; a session does it', () =>
    inReadyWorld({}, async (world) => {
      const before = await headOf(world)
      const from = world.latest()
      const owner = await world.signIn()
      await owner.com.atproto.identity.updateHandle({ handle: 'Alice.Example.ORG' })
      expect(await headOf(world)).toEqual({ ...before, alsoKnownAs: [`at://${NEW}`] })
      expect(world.announced(from)).toMatchObject([{ type: 'identity', handle: NEW }])
      const { did } = world
      expect(await owner.com.atproto.server.getSession()).toMatchObject({ handle: NEW })
      expect((await logIn(world.client, NEW)).handle).toBe(NEW)
      expect(await failure(logIn(world.client, HANDLE))).toMatchObject({ status: 401 })
      expect(await world.client.com.atproto.repo.describeRepo({ repo: NEW })).toMatchObject({
        handle: NEW,
        handleIsCorrect: true,
      })
      expect(await world.client.com.atproto.identity.resolveHandle({ handle: NEW })).toEqual({ did })
      expect(await owner.com.atproto.identity.getRecommendedDidCredentials()).toMatchObject({
        alsoKnownAs: [`at://${NEW}`],
      })
      expect((await world.admin.com.cirrus.admin.getStatus()).handle).toBe(NEW)
      expect(
        world
          .journal()
          .filter((event) => !event.endsWith('sign-in'))
          .slice(-3),
      ).toEqual(['sign', 'submit', 'handle'])
      // A new object, and another HANDLE: what was taken here stays.
      await world.restart({ HANDLE: 'configured.example.com' })
      expect(world.account.handle).toBe(NEW)
      const { warnings } = await world.admin.com.cirrus.admin.getStatus()
      expect(warnings).toMatchObject([
        { name: 'handle-unused', message: expect.stringContaining('configured.example.com') },
      ])
      expect((await world.admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
      await world.restart({ HANDLE: NEW })
      expect((await world.admin.com.cirrus.admin.getStatus()).warnings).toEqual([])
    }))

  it('follows HANDLE as long as no handle was taken here', () =>
    inWorld({}, async (world) => {
      await world.restart({ HANDLE: NEW })
      expect(world.account.handle).toBe(NEW)
    }))

  it('keeps every other name of the DID', () =>
    inReadyWorld({}, async (world) => {
      const names = ['https://alice.example.com', `at://${HANDLE}`, 'at://second.example.com']
      await changeDid(world, world.recovery, { alsoKnownAs: names })
      await update(world)
      expect((await headOf(world))?.alsoKnownAs).toEqual(names.with(1, `at://${NEW}`))
    }))

  it('with the handle that the account has is announced again, and signs nothing', () =>
    inWorld({}, async (world) => {
      const from = world.latest()
      const owner = await world.signIn()
      for (let i = 0; i < 2; i++) await owner.com.atproto.identity.updateHandle({ handle: HANDLE })
      expect(world.announced(from)).toMatchObject([{ handle: HANDLE }, { handle: HANDLE }])
      expect(submitted(world)).toBe(0)
      expect(world.journal()).not.toContain('sign')
    }))

  it('puts a recovery key first that is configured and that the DID does not have', () =>
    inWorld({ recoveryKeys: false }, async (world) => {
      await world.restart({ RECOVERY_KEYS: world.recovery.did })
      const shown = await world.admin.com.cirrus.admin.updateHandle({ handle: HANDLE, preview: true })
      expect(shown.changes).toEqual([`rotation key ${world.recovery.did} is added as 1 of 2`])
      await update(world, HANDLE)
      expect((await headOf(world))?.rotationKeys).toEqual([world.recovery.did, world.key.did])
      await update(world, HANDLE)
      expect(submitted(world)).toBe(1)
    }))

  it('takes the host name of the server without asking the network about it', () =>
    inWorld({}, async (world) => {
      await update(world, new URL(ORIGIN).hostname)
      expect(world.account.handle).toBe(new URL(ORIGIN).hostname)
      expect((await world.client.com.atproto.repo.describeRepo({ repo: world.did })).handleIsCorrect).toBe(
        true,
      )
    }))

  it('takes the well-known file where there is no DNS record', () =>
    inWorld({}, async (world) => {
      world.hosts.set('cloudflare-dns.com', () => Response.json({ Status: 3 }))
      world.hosts.set(NEW, ({ pathname }) =>
        pathname === '/.well-known/atproto-did'
          ? new Response(`${world.did}\n`)
          : new Response(null, { status: 404 }),
      )
      await update(world)
      expect(world.account.handle).toBe(NEW)
    }))

  describe('refuses', () => {
    it.each([
      ['x.example.invalid', /reserved/],
      ['alice.local', /reserved/],
      ['alice.test', /./],
      ['no-dot', /./],
      ['under_score.example.com', /./],
      [`${'a'.repeat(64)}.example.com`, /./],
      [`${'a.'.repeat(130)}com`, /./],
    ])('%s with InvalidHandle or a reason, and changes nothing', (handle, message) =>
      inWorld({}, async (world) => {
        const from = world.latest()
        const refused = await failure(update(world, handle))
        const error = handle === 'alice.test' ? 'UpstreamFailure' : 'InvalidHandle'
        expect(refused).toMatchObject({ error, message: expect.stringMatching(message) })
        // By a session: what is not a handle at all does not pass the lexicon there.
        const owner = await world.signIn()
        const own = await failure(owner.com.atproto.identity.updateHandle({ handle }))
        expect(own.error).toBe(isValidHandle(handle) ? error : 'InvalidRequest')
        expect([world.events(from), submitted(world), world.account.handle]).toEqual([[], 0, HANDLE])
      }),
    )

    it('a handle of another account, and one that does not resolve, and says what to publish', () =>
      inWorld({}, async (world) => {
        world.dns.set(NEW, 'did:plc:ewvi7nxzyoun6zhxrhs64oiz')
        const owner = await world.signIn()
        const call = () => failure(owner.com.atproto.identity.updateHandle({ handle: NEW }))
        const other = await call()
        expect(other).toMatchObject({ status: 400, error: 'InvalidRequest' })
        expect(other.message).toContain('did:plc:ewvi7nxzyoun6zhxrhs64oiz')
        world.hosts.set('cloudflare-dns.com', () => Response.json({ Status: 3 }))
        world.hosts.set(NEW, () => new Response(null, { status: 404 }))
        const none = await call()
        expect(none).toMatchObject({ status: 400, error: 'InvalidRequest' })
        expect(none.message).toContain(`TXT record _atproto.${NEW} with the text did=${world.did}`)
        expect([submitted(world), world.account.handle]).toEqual([0, HANDLE])
      }))

    it('when the DID names another PDS, or has no key of ours', () =>
      inReadyWorld({}, async (world) => {
        const stranger = await newKey()
        await changeDid(world, world.recovery, { rotationKeys: [world.recovery.did, stranger.did] })
        expect(await failure(update(world))).toMatchObject({ status: 400, error: 'InvalidRequest' })
        await changeDid(world, world.recovery, { services: pdsAt(TARGET) })
        expect((await failure(update(world))).message).toContain(TARGET)
        expect([submitted(world), world.account.handle]).toEqual([0, HANDLE])
      }))

    it('an eleventh change in five minutes', () =>
      inWorld({}, async (world) => {
        const owner = await world.signIn()
        for (let i = 0; i < 10; i++) await owner.com.atproto.identity.updateHandle({ handle: HANDLE })
        expect(await failure(update(world, HANDLE))).toMatchObject({
          status: 429,
          error: 'RateLimitExceeded',
        })
        world.clock.now += 5 * 60_000
        await update(world, HANDLE)
      }))
  })

  describe('of a did:web', () => {
    it('on this host changes the document that this server gives', () =>
      inReadyWorld({ didWeb: true }, async (world) => {
        const from = world.latest()
        expect(await update(world)).toEqual({ handle: NEW, previous: HANDLE, changes: [] })
        expect(await world.account.identity.ownDocument()).toMatchObject({
          id: SERVICE,
          alsoKnownAs: [`at://${NEW}`],
        })
        expect(world.announced(from)).toMatchObject([{ type: 'identity', handle: NEW }])
      }))
  })

  it('goes on where a directory failed, with the operation that was signed', () =>
    inReadyWorld({}, async (world) => {
      world.directory.mode = 'deaf'
      await update(world)
      expect(world.account.handle).toBe(NEW)
      world.dns.set('third.example.org', world.did)
      world.directory.mode = 'up'
      world.directory.before = () => {
        if (world.directory.requests.at(-1)?.startsWith('POST')) world.directory.mode = 'down'
      }
      expect(await failure(update(world, 'third.example.org'))).toMatchObject({
        status: 502,
        error: 'UpstreamFailure',
      })
      world.directory.before = undefined
      world.directory.mode = 'up'
      expect(world.account.handle).toBe(NEW)
      expect((await world.admin.com.cirrus.admin.getStatus()).unsubmitted).toHaveLength(1)
      await update(world, 'third.example.org')
      expect(world.account.handle).toBe('third.example.org')
      expect(world.journal().filter((event) => event === 'sign')).toHaveLength(2)
      expect((await world.admin.com.cirrus.admin.getStatus()).unsubmitted).toEqual([])
    }))

  it.each(FAULT_POINTS.filter((point) => point.startsWith('change.')))(
    'that dies at %s is finished by repeating it, with one operation',
    (point) =>
      inReadyWorld({}, async (world) => {
        killAt(point)
        expect(await failure(update(world))).toMatchObject(DIED)
        onFault(undefined)
        await world.restart()
        await update(world)
        expect(world.account.handle).toBe(NEW)
        expect((await headOf(world))?.alsoKnownAs).toEqual([`at://${NEW}`])
        expect(world.directory.logs.get(world.did)).toHaveLength(2)
        expect(world.announced(0).findLast(({ type }) => type === 'identity')).toMatchObject({ handle: NEW })
        expect(world.bugs.every((bug) => bug === KILLED)).toBe(true)
      }),
  )
})
