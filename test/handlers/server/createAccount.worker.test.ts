import { describe, expect, it } from 'vitest'
import { changeDid, pdsAt } from '../support/did.ts'
import { type Key, newKey } from '../support/keys.ts'
import { HANDLE, inWorld, ORIGIN, PASSWORD, SERVICE, type World } from '../support/world.ts'

const CREATE = 'com.atproto.server.createAccount'
const OLD = 'https://old.example.com'

const input = (world: World) => ({ did: world.did, handle: HANDLE, password: PASSWORD })
const serviceToken = (world: World, key: Key, claims: object = {}) =>
  key.signing.signServiceToken({
    iss: world.did,
    aud: SERVICE,
    iat: Math.floor(world.clock.now / 1000),
    exp: Math.floor(world.clock.now / 1000) + 60,
    lxm: CREATE,
    jti: 'a'.repeat(32),
    ...claims,
  })
const create = (world: World, token: string, changes: object = {}) =>
  world.bearer(token).com.atproto.server.createAccount({ ...input(world), ...changes })
/** Creates the account with a service token that this key signs. */
const createBy = async (world: World, key: Key, claims: object = {}) =>
  create(world, await serviceToken(world, key, claims))

/** A DID whose document names the old host and its key. */
const incoming = (work: (world: World, old: Key) => Promise<void>) =>
  inWorld({ active: false, endpoint: OLD }, async (world) => {
    const old = await newKey()
    await changeDid(world, world.key, { services: pdsAt(OLD), verificationMethods: { atproto: old.did } })
    await work(world, old)
  })

describe('createAccount: a Cirrus as the target', () => {
  it('takes the configured DID in with its service token: deactivated, empty, signed in', () =>
    incoming(async (world, old) => {
      const token = await serviceToken(world, old)
      const created = await create(world, token)
      expect([created.did, created.handle]).toEqual([world.did, HANDLE])
      expect(created.didDoc).toBeUndefined()
      expect(world.account.state()).toBe('deactivated')
      expect(world.events()).toEqual([])
      const owner = world.bearer(created.accessJwt)
      expect(await owner.com.atproto.server.checkAccountStatus()).toMatchObject({
        activated: false,
        validDid: false,
        indexedRecords: 0,
        repoBlocks: 2,
        expectedBlobs: 0,
      })
      await create(world, token)
      expect(world.journal()).toEqual(['create-account', 'sign-in', 'sign-in'])
      await expect(createBy(world, old, { jti: 'b'.repeat(32) })).rejects.toMatchObject({
        error: 'InvalidRequest',
      })
      const { next } = await world.admin.com.cirrus.admin.getStatus()
      expect(next).toContain(`pds import --from ${OLD}`)
    }))

  it('answers a token again for two minutes: a copy of it that leaked does not open a session later', () =>
    incoming(async (world, old) => {
      const exp = Math.floor(world.clock.now / 1000) + 900
      const token = await serviceToken(world, old, { exp })
      await create(world, token)
      world.clock.now += 119_000
      await create(world, token)
      world.clock.now += 2000
      await expect(create(world, token)).rejects.toMatchObject({
        status: 400,
        error: 'InvalidRequest',
        message: expect.stringContaining('createSession'),
      })
    }))

  it('takes the DID in with a migration token of another Cirrus that is bound to this one', () =>
    incoming(async (world, old) => {
      const now = Math.floor(world.clock.now / 1000)
      const claims = {
        iss: world.did,
        iat: now,
        exp: now + 900,
        jti: 'c'.repeat(32),
        scope: 'repo:read',
        lxm: CREATE,
      }
      const wrong = await old.signing.signMigrationToken({
        ...claims,
        aud: 'did:web:third.example.com',
        target: 'https://third.example.com',
      })
      await expect(create(world, wrong)).rejects.toMatchObject({ error: 'InvalidToken' })
      const { lxm: _, ...open } = claims
      const untargeted = await old.signing.signMigrationToken({ ...open, aud: SERVICE })
      await expect(create(world, untargeted)).rejects.toMatchObject({ error: 'InvalidToken' })
      const right = await old.signing.signMigrationToken({ ...claims, aud: SERVICE, target: ORIGIN })
      await create(world, right)
      // It opens nothing else here: our own tokens are signed by our own key.
      await expect(world.bearer(right).com.atproto.server.checkAccountStatus()).rejects.toMatchObject({
        error: 'InvalidToken',
      })
    }))

  it.each<[string, (world: World) => object, string]>([
    ['for another server', () => ({ aud: 'did:web:other.example.com' }), 'InvalidToken'],
    ['for another method', () => ({ lxm: 'com.atproto.repo.uploadBlob' }), 'InvalidToken'],
    ['for any method', () => ({ lxm: undefined }), 'InvalidToken'],
    ['of another account', () => ({ iss: `did:plc:${'a'.repeat(24)}` }), 'InvalidToken'],
    ['of a service of the account', ({ did }) => ({ iss: `${did}#atproto_pds` }), 'InvalidToken'],
    [
      'that has expired',
      ({ clock }) => ({ iat: Math.floor(clock.now / 1000) - 120, exp: Math.floor(clock.now / 1000) }),
      'ExpiredToken',
    ],
  ])('refuses a service token %s', (_, claims, error) =>
    incoming(async (world, old) => {
      await expect(createBy(world, old, claims(world))).rejects.toMatchObject({ error })
      expect(world.account.state()).toBe('absent')
    }),
  )

  it('refuses a service token that our own key signed while the DID names another key', () =>
    incoming(async (world) => {
      await expect(createBy(world, world.key)).rejects.toMatchObject({ error: 'InvalidToken' })
      expect(world.account.state()).toBe('absent')
    }))

  it('does not look up a DID that this server is not for', () =>
    incoming(async (world, old) => {
      const questions = world.directory.requests.length
      await expect(createBy(world, old, { iss: `did:plc:${'b'.repeat(24)}` })).rejects.toMatchObject({
        error: 'InvalidToken',
      })
      expect(world.directory.requests).toHaveLength(questions)
    }))

  it('refuses callers without a token, and the admin', () =>
    incoming(async (world) => {
      await expect(world.client.com.atproto.server.createAccount(input(world))).rejects.toMatchObject({
        error: 'AuthMissing',
      })
      await expect(world.admin.com.atproto.server.createAccount(input(world))).rejects.toMatchObject({
        error: 'InvalidToken',
      })
    }))

  it.each<[string, object, string]>([
    ['InvalidRequest without a DID', { did: undefined }, 'InvalidRequest'],
    ['InvalidRequest to another DID', { did: 'did:web:other.example.com' }, 'InvalidRequest'],
    ['HandleNotAvailable to another handle', { handle: 'bob.example.com' }, 'HandleNotAvailable'],
    ['InvalidPassword to another password', { password: 'another' }, 'InvalidPassword'],
    ['InvalidPassword without a password', { password: undefined }, 'InvalidPassword'],
    ['InvalidRequest to a PLC operation', { plcOp: {} }, 'InvalidRequest'],
  ])('answers %s', (_, changes, error) =>
    incoming(async (world, old) => {
      const caller = world.bearer(await serviceToken(world, old))
      await expect(
        caller.com.atproto.server.createAccount({ ...input(world), ...changes }),
      ).rejects.toMatchObject({ error })
      expect(world.account.state()).toBe('absent')
    }),
  )

  it('answers 502 while the directory is down, and UnresolvableDid where it does not know the DID', () =>
    incoming(async (world, old) => {
      const token = await serviceToken(world, old)
      world.directory.mode = 'down'
      world.clock.now += 10_000
      await expect(create(world, token)).rejects.toMatchObject({ status: 502 })
      world.directory.mode = 'up'
      world.directory.logs.clear()
      world.clock.now += 2000
      await expect(create(world, token)).rejects.toMatchObject({ error: 'UnresolvableDid' })
      expect(world.account.state()).toBe('absent')
    }))

  it('takes the key from the verified log, whatever the DID document of the directory says', () =>
    incoming(async (world, old) => {
      const stranger = await newKey()
      world.directory.documentKey = stranger.did
      await expect(createBy(world, stranger)).rejects.toMatchObject({
        error: 'InvalidToken',
        message: expect.stringContaining('#token-bad-signature'),
      })
      expect(world.account.state()).toBe('absent')
      await createBy(world, old)
    }))

  it('answers 502 where the log of the directory does not verify', () =>
    incoming(async (world, old) => {
      world.directory.mode = 'lying'
      await expect(createBy(world, old)).rejects.toMatchObject({ status: 502, error: 'UpstreamFailure' })
      expect(world.account.state()).toBe('absent')
    }))

  it('answers IncompatibleDidDoc where the DID document has no signing key', () =>
    incoming(async (world, old) => {
      await changeDid(world, world.key, { verificationMethods: {} })
      await expect(createBy(world, old)).rejects.toMatchObject({ error: 'IncompatibleDidDoc' })
      expect(world.account.state()).toBe('absent')
    }))

  it('is the only method that takes a service token', () =>
    inWorld({}, async (world) => {
      const token = await serviceToken(world, world.key)
      const { com } = world.bearer(token)
      for (const call of [
        () => com.atproto.server.checkAccountStatus(),
        () => com.atproto.sync.getLatestCommit({ did: world.did }),
        () => com.cirrus.admin.getStatus(),
      ])
        await expect(call()).rejects.toMatchObject({ error: 'InvalidToken' })
    }))
})

describe('createAccount called by the server that the account comes from, which signs the tokens itself', () => {
  const INVALID_PASSWORD = {
    status: 400,
    error: 'InvalidPassword',
    message: expect.stringContaining('#account-password'),
  }

  it('opens nothing without the account password: not before the owner, and not with a copy of their token', () =>
    incoming(async (world, old) => {
      const forged = await serviceToken(world, old, { jti: 'f'.repeat(32) })
      for (const password of [undefined, '', 'a guess'])
        await expect(create(world, forged, { password })).rejects.toMatchObject(INVALID_PASSWORD)
      expect(world.account.state()).toBe('absent')
      expect(world.account.repo.head()).toBeUndefined()

      const token = await serviceToken(world, old)
      await create(world, token)
      for (const copy of [token, forged])
        for (const password of [undefined, 'a guess'])
          await expect(create(world, copy, { password })).rejects.toMatchObject(INVALID_PASSWORD)
      expect((await world.admin.com.cirrus.admin.listSessions()).sessions).toHaveLength(1)
    }))

  it('counts its guesses among the sign-ins of its network', () =>
    incoming(async (world, old) => {
      const token = await serviceToken(world, old)
      for (let i = 0; i < 30; i++)
        await expect(create(world, token, { password: `guess ${i}` })).rejects.toMatchObject(INVALID_PASSWORD)
      await expect(create(world, token)).rejects.toMatchObject({ status: 429 })
      // A call without a password is no guess, and costs the owner nothing.
      world.clock.now += 5 * 60_000
      const later = await serviceToken(world, old)
      for (let i = 0; i < 40; i++)
        await expect(create(world, later, { password: undefined })).rejects.toMatchObject(INVALID_PASSWORD)
      await create(world, later)
    }))

  it('is seen by the owner, and cannot fill the journal', () =>
    incoming(async (world, old) => {
      const forged = await serviceToken(world, old)
      for (let i = 0; i < 40; i++)
        await expect(create(world, forged, { password: undefined })).rejects.toMatchObject(INVALID_PASSWORD)
      expect(world.journal()).toEqual(Array.from({ length: 10 }, () => 'failed-create-account'))
      await create(world, forged)
      expect((await world.admin.com.cirrus.admin.getStatus()).journal).toMatchObject([
        { event: 'sign-in', detail: { via: 'createAccount' } },
        { event: 'create-account' },
        { event: 'failed-create-account', detail: { why: 'no password', times: 10 } },
      ])
    }))

  it('is seen even where strangers send tokens of another key before', () =>
    incoming(async (world, old) => {
      const stranger = await newKey()
      for (let i = 0; i < 40; i++)
        await expect(createBy(world, stranger)).rejects.toMatchObject({ error: 'InvalidToken' })
      await expect(create(world, await serviceToken(world, old), { password: undefined })).rejects.toThrow()
      expect(world.account.journal.recent(20)).toMatchObject([
        { event: 'failed-create-account', detail: { why: 'no password', times: 11 } },
      ])
      expect(world.account.journal.page({ limit: 2 }).entries[1]).toMatchObject({
        detail: { why: 'token', code: 'BadSignature' },
      })
    }))

  it('has no session left once the owner activates the account', () =>
    incoming(async (world, old) => {
      // As if it knew the password, or had come before this was asked for.
      const intruder = await createBy(world, old)
      const owner = (await world.signIn()).session
      if (!owner) throw new Error('nobody is signed in')
      await changeDid(world, world.key, {
        services: pdsAt(ORIGIN),
        verificationMethods: { atproto: world.key.did },
      })
      await world.bearer(owner.accessJwt).com.atproto.server.activateAccount()
      const ended = { error: 'ExpiredToken', message: expect.stringContaining('session has ended') }
      const { com } = world.bearer(intruder.accessJwt)
      await expect(com.atproto.server.getSession()).rejects.toMatchObject(ended)
      await expect(
        world.bearer(intruder.refreshJwt).com.atproto.server.refreshSession(),
      ).rejects.toMatchObject(ended)
      await world.bearer(owner.accessJwt).com.atproto.server.getSession()
      expect(world.journal().slice(-2)).toEqual(['end-sessions', 'activate'])
    }))
})

describe('createAccount while strangers send tokens that say they are from our DID', () => {
  const lookUps = (world: World) =>
    world.directory.requests.filter((request) => request === `GET /${world.did}/log/audit`).length

  it('asks for the log of the DID once in ten seconds, and takes the true token meanwhile', () =>
    incoming(async (world, old) => {
      const before = lookUps(world)
      const stranger = await newKey()
      const invalid = { error: 'InvalidToken' }
      await Promise.all(
        Array.from({ length: 20 }, () => expect(createBy(world, stranger)).rejects.toMatchObject(invalid)),
      )
      expect(lookUps(world)).toBe(before + 1)
      await createBy(world, old)
      world.clock.now += 9999
      await expect(createBy(world, stranger)).rejects.toMatchObject(invalid)
      expect(lookUps(world)).toBe(before + 1)
      world.clock.now += 1
      for (let i = 0; i < 20; i++) await expect(createBy(world, stranger)).rejects.toMatchObject(invalid)
      expect(lookUps(world)).toBe(before + 2)
    }))

  it('knows another key of the DID after ten seconds, and no longer the one before it', () =>
    incoming(async (world, old) => {
      await expect(createBy(world, await newKey())).rejects.toMatchObject({ error: 'InvalidToken' })
      const next = await newKey()
      await changeDid(world, world.key, { verificationMethods: { atproto: next.did } })
      await expect(createBy(world, next)).rejects.toMatchObject({
        message: expect.stringContaining('#token-bad-signature'),
      })
      world.clock.now += 10_000
      await expect(createBy(world, old)).rejects.toMatchObject({ error: 'InvalidToken' })
      await createBy(world, next)
    }))

  it('knows another key at once where the server has looked the DID up since', () =>
    incoming(async (world, old) => {
      await createBy(world, old)
      const ours = { services: pdsAt(ORIGIN), verificationMethods: { atproto: world.key.did } }
      await changeDid(world, world.key, ours)
      world.clock.now += 1
      await world.account.identityWatch.observe()
      const before = lookUps(world)
      await expect(createBy(world, old)).rejects.toMatchObject({ error: 'InvalidToken' })
      expect(lookUps(world)).toBe(before)
    }))

  it('asks a directory that is down again after two seconds', () =>
    incoming(async (world, old) => {
      const before = lookUps(world)
      world.directory.mode = 'down'
      for (let i = 0; i < 20; i++)
        await expect(createBy(world, await newKey())).rejects.toMatchObject({ status: 502 })
      expect(lookUps(world)).toBe(before + 1)
      world.directory.mode = 'up'
      world.clock.now += 2000
      await createBy(world, old)
      expect(lookUps(world)).toBe(before + 2)
    }))
})
