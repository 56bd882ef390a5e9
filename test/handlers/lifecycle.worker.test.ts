import { decode } from '@atproto/lex-cbor'
import { afterEach, describe, expect, it } from 'vitest'
import { verifyCommit } from '../../src/repo/commit.ts'
import { onFault } from '../../src/fault.ts'
import type { MethodId } from '../../src/generated/methods.ts'
import {
  latestCommit,
  ADMIN_PASSWORD,
  bearer,
  HANDLE,
  inWorld,
  type Key,
  moveTo,
  newKey,
  ORIGIN,
  PASSWORD,
  SERVICE,
  TARGET,
  targeted,
  type World,
} from './support/world.ts'

const ACTIVATE = 'com.atproto.server.activateAccount'
const DEACTIVATE = 'com.atproto.server.deactivateAccount'
const CREATE = 'com.atproto.server.createAccount'
const CHECK = 'com.atproto.server.checkAccountStatus'
const STATUS = 'com.cirrus.admin.getStatus'
const OLD = 'https://old.example.com'

afterEach(() => onFault(undefined))

const status = async (world: World) => (await world.call(STATUS, { auth: world.admin })).body
const post = (world: World, auth: string) =>
  world.call('com.atproto.repo.createRecord', {
    auth,
    body: {
      repo: world.did,
      collection: 'app.bsky.feed.post',
      record: { $type: 'app.bsky.feed.post', text: 'hello', createdAt: '2026-11-22T00:00:00.000Z' },
    },
  })

/** The rotation, by the token, to another PDS that keeps our rotation key below its own. */
const moveAway = async (world: World, keys: Partial<ReturnType<typeof moveTo>> = {}) => {
  const auth = bearer(await world.mint(targeted))
  const body = { ...moveTo(await newKey()), ...keys }
  const { body: signed } = await world.call('com.atproto.identity.signPlcOperation', { auth, body })
  await world.directory.add(world.did, signed.operation)
}

/** The new PDS, or the owner, points the DID at an endpoint with the key at the head. */
const pointTo = async (world: World, by: Key, endpoint: string, signingKey: string) => {
  const { data, cid } = await world.account.identity.directory.head(world.did)
  if (!data) throw new Error('tombstoned')
  const services = { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint } }
  const verificationMethods = { atproto: signingKey }
  await world.directory.add(
    world.did,
    await by.rotation.signOperation({
      type: 'plc_operation',
      ...data,
      services,
      verificationMethods,
      prev: cid,
    }),
  )
}

describe('activation', () => {
  it('creates the account for the admin, announces account, identity, sync, and may be repeated', () =>
    inWorld({ active: false }, async (world) => {
      expect(world.account.state()).toBe('absent')
      for (let i = 0; i < 2; i++) expect((await world.call(ACTIVATE, { auth: world.admin })).status).toBe(200)
      expect(world.account.state()).toBe('active')
      expect(world.events()).toEqual(['account', 'identity', 'sync'])
      expect(world.journal()).toEqual(['activate'])
      const bodies = world.account.sequencer
        .read(0, 10)
        .map(({ body }) => decode(body) as Record<string, unknown>)
      expect(bodies[0]).toMatchObject({ did: world.did, active: true })
      expect(bodies[0]).not.toHaveProperty('status')
      expect(bodies[1]).toMatchObject({ did: world.did, handle: HANDLE })
      expect(bodies[2]).toMatchObject({ did: world.did, rev: world.account.repo.load().rev })
      expect((await world.account.check()).problems).toEqual([])
    }))

  it('is refused while the DID names another PDS, another key, nobody, or cannot be looked up', async () => {
    await inWorld({ active: false, endpoint: OLD }, async (world) => {
      const refused = await world.call(ACTIVATE, { auth: world.admin })
      expect(refused.error).toBe('InvalidRequest')
      expect(refused.message).toContain(`pds import --from ${OLD}`)
      expect(world.account.repo.head()).toBeUndefined()
    })
    await inWorld({ active: false, foreignKey: true }, async (world) => {
      const refused = await world.call(ACTIVATE, { auth: world.admin })
      expect(refused.message).toContain(world.key.did)
    })
    await inWorld({ active: false }, async (world) => {
      world.directory.mode = 'down'
      expect(await world.call(ACTIVATE, { auth: world.admin })).toMatchObject({
        status: 502,
        error: 'UpstreamFailure',
      })
      world.directory.mode = 'up'
      world.directory.logs.clear()
      expect((await world.call(ACTIVATE, { auth: world.admin })).error).toBe('InvalidRequest')
    })
  })

  it('says that there is no account before, to everybody else', () =>
    inWorld({ active: false }, async (world) => {
      const login = await world.call('com.atproto.server.createSession', {
        body: { identifier: HANDLE, password: PASSWORD },
      })
      expect(login).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(login.message).toContain('pds activate')
      expect((await world.call('com.atproto.sync.getRepo', { params: { did: world.did } })).error).toBe(
        'RepoNotFound',
      )
      expect((await world.call('com.cirrus.admin.getManifest', { auth: world.admin })).error).toBe(
        'RepoNotFound',
      )
      expect((await world.call('com.atproto.sync.listRepos')).body.repos).toEqual([])
      expect((await status(world)).next).toContain('`pds activate`')
    }))
})

describe('deactivation', () => {
  it('refuses writes with 403, says so to the firehose, and keeps answering the owner and the probes', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      expect((await post(world, access)).status).toBe(200)
      const deleteAfter = '2027-01-01T00:00:00.000Z'
      const before = world.events().length
      for (let i = 0; i < 2; i++)
        expect((await world.call(DEACTIVATE, { auth: access, body: { deleteAfter } })).status).toBe(200)
      expect(world.events().slice(before)).toEqual(['account'])
      const [event] = world.account.sequencer.read(world.account.sequencer.latest() - 1, 1)
      expect(event && decode(event.body)).toMatchObject({
        did: world.did,
        active: false,
        status: 'deactivated',
      })
      expect(await post(world, access)).toMatchObject({ status: 403, error: 'AccountDeactivated' })
      expect(world.journal().filter((name) => name === 'deactivate')).toHaveLength(1)
      expect(await status(world)).toMatchObject({ active: false, state: 'deactivated', deleteAfter })

      const params = { did: world.did }
      const anonymous: [MethodId, Record<string, string>][] = [
        ['com.atproto.sync.getRepo', params],
        ['com.atproto.sync.getBlocks', { ...params, cids: world.account.repo.load().root.toString() }],
        ['com.atproto.sync.getLatestCommit', params],
        ['com.atproto.sync.getRecord', { ...params, collection: 'app.bsky.feed.post', rkey: 'a' }],
        ['com.atproto.sync.listBlobs', params],
        [
          'com.atproto.sync.getBlob',
          { ...params, cid: 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy' },
        ],
        ['com.atproto.repo.describeRepo', { repo: world.did }],
        ['com.atproto.repo.getRecord', { repo: world.did, collection: 'app.bsky.feed.post', rkey: 'a' }],
        ['com.atproto.repo.listRecords', { repo: world.did, collection: 'app.bsky.feed.post' }],
      ]
      for (const [id, asked] of anonymous)
        expect([id, await world.call(id, { params: asked })]).toMatchObject([
          id,
          { status: 400, error: 'RepoDeactivated' },
        ])
      expect((await world.call('com.atproto.sync.getRepoStatus', { params })).body).toEqual({
        did: world.did,
        active: false,
        status: 'deactivated',
      })
      expect((await world.call('com.atproto.sync.listRepos')).body.repos).toMatchObject([
        { active: false, status: 'deactivated' },
      ])
      for (const auth of [access, world.admin, bearer(await world.mint())])
        expect((await world.call('com.atproto.sync.getRepo', { params, auth })).status).toBe(200)
      expect(
        (
          await world.call('com.atproto.repo.listRecords', {
            params: { repo: world.did, collection: 'app.bsky.feed.post' },
            auth: access,
          })
        ).body.records,
      ).toHaveLength(1)
      expect((await world.call(CHECK, { auth: access })).body).toMatchObject({
        activated: false,
        validDid: true,
        indexedRecords: 1,
      })
    }))

  it('comes after the commits that were waiting, and none follows it', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      const [first, , second] = await Promise.all([
        post(world, access),
        world.call(DEACTIVATE, { auth: access, body: {} }),
        world.account.repo.exclusive(async () => {}).then(() => post(world, access)),
      ])
      expect(second.status).toBe(403)
      expect(world.events().at(-1)).toBe('account')
      expect(world.events().filter((type) => type === 'commit')).toHaveLength(first.status === 200 ? 1 : 0)
    }))

  it('is all or nothing where it dies in between, and can be repeated', () =>
    inWorld({}, async (world) => {
      for (const point of ['deactivate.afterState', 'deactivate.afterEvent']) {
        onFault((name) => {
          if (name === point) throw new Error('killed')
        })
        await expect(world.call(DEACTIVATE, { auth: world.admin, body: {} })).rejects.toThrow(
          'internal error',
        )
        onFault(undefined)
        await world.restart()
        expect(world.account.state()).toBe('active')
        expect(world.events()).toEqual(['account', 'identity', 'sync'])
      }
      expect((await world.call(DEACTIVATE, { auth: world.admin, body: {} })).status).toBe(200)
      expect(world.events()).toEqual(['account', 'identity', 'sync', 'account'])
      expect((await world.account.check()).problems).toEqual([])
    }))

  it('is undone by activation, announced, with nothing lost', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      await post(world, access)
      const { rev } = world.account.repo.load()
      await world.call(DEACTIVATE, { auth: access, body: {} })
      const before = world.events().length
      expect((await world.call(ACTIVATE, { auth: access })).status).toBe(200)
      expect(world.events().slice(before)).toEqual(['account', 'identity', 'sync'])
      expect(world.account.repo.load().rev).toBe(rev)
      expect((await post(world, access)).status).toBe(200)
      expect((await status(world)).deactivatedAt).toBeUndefined()
    }))

  it('works while the directory is down', () =>
    inWorld({}, async (world) => {
      world.directory.mode = 'down'
      expect((await world.call(DEACTIVATE, { auth: world.admin, body: {} })).status).toBe(200)
    }))
})

describe('an account that moves away', () => {
  it('is noticed once: an identity event, a journal entry, no more writes, and the owner is still served', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      await moveAway(world)
      const before = world.events().length
      for (let i = 0; i < 3; i++)
        expect((await status(world)).identity).toMatchObject({ movedAway: true, pds: TARGET })
      expect(world.events().slice(before)).toEqual(['identity'])
      expect(world.journal().filter((name) => name === 'moved-away')).toHaveLength(1)
      expect(world.account.state()).toBe('moved')
      expect(await post(world, access)).toMatchObject({ status: 403, error: 'AccountDeactivated' })
      expect((await world.call('com.atproto.sync.getRepo', { params: { did: world.did } })).status).toBe(200)
      expect((await world.call('com.atproto.server.getSession', { auth: access })).body.active).toBe(true)
      expect((await world.call(CHECK, { auth: access })).body).toMatchObject({
        activated: true,
        validDid: false,
      })
      expect((await status(world)).next).toContain('`pds deactivate`')
      const token = bearer(await world.mint())
      expect(
        (await world.call('com.atproto.sync.listBlobs', { params: { did: world.did }, auth: token })).status,
      ).toBe(200)
    }))

  it('takes no write that was let in before the move was seen', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      const before = world.account.repo.load()
      let open = () => {}
      const held = world.account.repo.exclusive(() => new Promise<void>((resolve) => (open = resolve)))
      const write = post(world, access)
      await new Promise((resolve) => setTimeout(resolve, 50))
      await moveAway(world)
      await world.account.identityWatch.observe()
      open()
      await held
      expect(await write).toMatchObject({ status: 403, error: 'AccountDeactivated' })
      expect(world.account.repo.load()).toEqual(before)
    }))

  it('cannot be activated here, and is told the way out; nor after a deactivation', () =>
    inWorld({}, async (world) => {
      await moveAway(world)
      const { access } = await world.signIn()
      const refused = await world.call(ACTIVATE, { auth: access })
      expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
      expect(refused.message).toContain(TARGET)
      expect(refused.message).toContain(`pds import --from ${TARGET}`)
      await world.call(DEACTIVATE, { auth: access, body: {} })
      expect((await world.call(ACTIVATE, { auth: world.admin })).error).toBe('InvalidRequest')
      const after = await status(world)
      expect(after.state).toBe('deactivated')
      expect(after.next).toContain('The move is done')
      expect(
        (await world.call('com.atproto.sync.getRepo', { params: { did: world.did }, auth: access })).status,
      ).toBe(200)
    }))

  it('comes back when the DID does: a new commit is not needed, and the revision never falls', () =>
    inWorld({}, async (world) => {
      await moveAway(world, { rotationKeys: [world.key.did] })
      await status(world)
      await world.call(DEACTIVATE, { auth: world.admin, body: {} })
      await pointTo(world, world.key, ORIGIN, world.key.did)
      const before = world.events().length
      expect((await status(world)).next).toContain('`pds activate`')
      expect((await world.call(ACTIVATE, { auth: world.admin })).status).toBe(200)
      expect(world.events().slice(before)).toEqual(['account', 'identity', 'sync'])
      expect(world.account.state()).toBe('active')
      expect(world.journal().slice(-2)).toEqual(['moved-back', 'activate'])
    }))

  it('goes on as active when the DID comes back without a deactivation', () =>
    inWorld({}, async (world) => {
      await moveAway(world, { rotationKeys: [world.key.did] })
      await status(world)
      await pointTo(world, world.key, ORIGIN, world.key.did)
      await status(world)
      expect(world.account.state()).toBe('active')
    }))
})

describe('createAccount: a Cirrus as the target', () => {
  const asked = (world: World) => ({ did: world.did, handle: HANDLE, password: PASSWORD })
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

  /** A DID whose document names the old host and its key. */
  const incoming = (work: (world: World, old: Key) => Promise<void>) =>
    inWorld({ active: false, endpoint: OLD }, async (world) => {
      const old = await newKey()
      await pointTo(world, world.key, OLD, old.did)
      await work(world, old)
    })

  it('takes the configured DID in with its service token: deactivated, empty, signed in', () =>
    incoming(async (world, old) => {
      const auth = bearer(await serviceToken(world, old))
      const { status: code, body } = await world.call(CREATE, { auth, body: asked(world) })
      expect([code, body.did, body.handle]).toEqual([200, world.did, HANDLE])
      expect(body.didDoc).toBeUndefined()
      expect(world.account.state()).toBe('deactivated')
      expect(world.events()).toEqual([])
      const check = await world.call(CHECK, { auth: bearer(body.accessJwt) })
      expect(check.body).toMatchObject({
        activated: false,
        validDid: false,
        indexedRecords: 0,
        repoBlocks: 2,
        expectedBlobs: 0,
      })
      const again = await world.call(CREATE, { auth, body: asked(world) })
      expect(again.status).toBe(200)
      expect(world.journal()).toEqual(['create-account', 'sign-in', 'sign-in'])
      const other = bearer(await serviceToken(world, old, { jti: 'b'.repeat(32) }))
      expect((await world.call(CREATE, { auth: other, body: asked(world) })).error).toBe('InvalidRequest')
      expect((await status(world)).next).toContain(`pds import --from ${OLD}`)
    }))

  it('answers a token again for two minutes: a copy of it that leaked opens no session later', () =>
    incoming(async (world, old) => {
      const exp = Math.floor(world.clock.now / 1000) + 900
      const auth = bearer(await serviceToken(world, old, { exp }))
      expect((await world.call(CREATE, { auth, body: asked(world) })).status).toBe(200)
      world.clock.now += 119_000
      expect((await world.call(CREATE, { auth, body: asked(world) })).status).toBe(200)
      world.clock.now += 2000
      expect(await world.call(CREATE, { auth, body: asked(world) })).toMatchObject({
        status: 400,
        error: 'InvalidRequest',
        message: expect.stringContaining('createSession'),
      })
    }))

  it('takes it in with a targeted token of another Cirrus', () =>
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
      expect((await world.call(CREATE, { auth: bearer(wrong), body: asked(world) })).error).toBe(
        'InvalidToken',
      )
      const { lxm: _, ...open } = claims
      const untargeted = await old.signing.signMigrationToken({ ...open, aud: SERVICE })
      expect((await world.call(CREATE, { auth: bearer(untargeted), body: asked(world) })).error).toBe(
        'InvalidToken',
      )
      const right = await old.signing.signMigrationToken({ ...claims, aud: SERVICE, target: ORIGIN })
      expect((await world.call(CREATE, { auth: bearer(right), body: asked(world) })).status).toBe(200)
      // It opens nothing else here: our own tokens are signed by our own key.
      expect((await world.call(CHECK, { auth: bearer(right) })).error).toBe('InvalidToken')
    }))

  it('refuses every other token and every other account', () =>
    incoming(async (world, old) => {
      const now = Math.floor(world.clock.now / 1000)
      const refused: [Promise<string>, string][] = [
        [serviceToken(world, world.key), 'InvalidToken'],
        [serviceToken(world, old, { aud: 'did:web:other.example.com' }), 'InvalidToken'],
        [serviceToken(world, old, { lxm: 'com.atproto.repo.uploadBlob' }), 'InvalidToken'],
        [serviceToken(world, old, { lxm: undefined }), 'InvalidToken'],
        [serviceToken(world, old, { iss: `did:plc:${'a'.repeat(24)}` }), 'InvalidToken'],
        [serviceToken(world, old, { iss: `${world.did}#atproto_pds` }), 'InvalidToken'],
        [serviceToken(world, old, { iat: now - 120, exp: now }), 'ExpiredToken'],
      ]
      for (const [token, error] of refused)
        expect((await world.call(CREATE, { auth: bearer(await token), body: asked(world) })).error).toBe(
          error,
        )
      // Nobody is asked about a DID that this server is not for.
      const questions = world.directory.requests.length
      const foreign = await serviceToken(world, old, { iss: `did:plc:${'b'.repeat(24)}` })
      expect((await world.call(CREATE, { auth: bearer(foreign), body: asked(world) })).error).toBe(
        'InvalidToken',
      )
      expect(world.directory.requests).toHaveLength(questions)
      expect((await world.call(CREATE, { body: asked(world) })).error).toBe('AuthMissing')
      expect((await world.call(CREATE, { auth: world.admin, body: asked(world) })).error).toBe('InvalidToken')
      const auth = bearer(await serviceToken(world, old))
      const bodies: [object, string][] = [
        [{ handle: HANDLE }, 'InvalidRequest'],
        [{ ...asked(world), did: 'did:web:other.example.com' }, 'InvalidRequest'],
        [{ ...asked(world), handle: 'bob.example.com' }, 'HandleNotAvailable'],
        [{ ...asked(world), password: 'another' }, 'InvalidPassword'],
        [{ ...asked(world), plcOp: {} }, 'InvalidRequest'],
      ]
      for (const [body, error] of bodies) expect((await world.call(CREATE, { auth, body })).error).toBe(error)
      world.directory.mode = 'down'
      world.clock.now += 10_000
      expect((await world.call(CREATE, { auth, body: asked(world) })).status).toBe(502)
      world.directory.mode = 'up'
      world.directory.logs.clear()
      world.clock.now += 2000
      expect((await world.call(CREATE, { auth, body: asked(world) })).error).toBe('UnresolvableDid')
      expect(world.account.state()).toBe('absent')
    }))

  describe('while strangers send tokens that say they are from our DID', () => {
    const documents = (world: World) =>
      world.directory.requests.filter((request) => request === `GET /${world.did}`).length
    const create = async (world: World, key: Key, claims: object = {}) => {
      const auth = bearer(await serviceToken(world, key, claims))
      return await world.call(CREATE, { auth, body: asked(world) })
    }

    it('asks for the DID document once in ten seconds, and takes the true token meanwhile', () =>
      incoming(async (world, old) => {
        const stranger = await newKey()
        const all = await Promise.all(Array.from({ length: 20 }, () => create(world, stranger)))
        for (const { error } of all) expect(error).toBe('InvalidToken')
        expect(documents(world)).toBe(1)
        expect((await create(world, old)).status).toBe(200)
        world.clock.now += 9999
        expect((await create(world, stranger)).error).toBe('InvalidToken')
        expect(documents(world)).toBe(1)
        world.clock.now += 1
        for (let i = 0; i < 20; i++) expect((await create(world, stranger)).error).toBe('InvalidToken')
        expect(documents(world)).toBe(2)
      }))

    it('knows another key in the DID document after ten seconds, and the one before it no more', () =>
      incoming(async (world, old) => {
        expect((await create(world, await newKey())).error).toBe('InvalidToken')
        const next = await newKey()
        await pointTo(world, world.key, OLD, next.did)
        expect((await create(world, next)).message).toContain('#token-bad-signature')
        world.clock.now += 10_000
        expect((await create(world, old)).error).toBe('InvalidToken')
        expect((await create(world, next)).status).toBe(200)
      }))

    it('knows it at once where the server has seen the document since', () =>
      incoming(async (world, old) => {
        expect((await create(world, old)).status).toBe(200)
        await pointTo(world, world.key, ORIGIN, world.key.did)
        world.clock.now += 1
        await world.account.identityWatch.observe()
        expect((await create(world, old)).error).toBe('InvalidToken')
        expect(documents(world)).toBe(1)
      }))

    it('asks a directory that is down again after two seconds', () =>
      incoming(async (world, old) => {
        world.directory.mode = 'down'
        for (let i = 0; i < 20; i++) expect((await create(world, await newKey())).status).toBe(502)
        expect(documents(world)).toBe(1)
        world.directory.mode = 'up'
        world.clock.now += 2000
        expect((await create(world, old)).status).toBe(200)
        expect(documents(world)).toBe(2)
      }))
  })

  it('refuses a service token on every method that takes none', () =>
    inWorld({}, async (world) => {
      const auth = bearer(await serviceToken(world, world.key))
      for (const id of [CHECK, 'com.atproto.sync.getLatestCommit', STATUS] as const)
        expect((await world.call(id, { auth, params: { did: world.did } })).error).toBe('InvalidToken')
    }))

  it('activates once the DID names us, under our own key and above every revision', () =>
    incoming(async (world, old) => {
      const auth = bearer(await serviceToken(world, old))
      await world.call(CREATE, { auth, body: asked(world) })
      expect((await world.call(ACTIVATE, { auth: world.admin })).error).toBe('InvalidRequest')
      // As an import leaves it: the commit is signed by the key of the old host.
      await world.account.repo.resign({ signer: old.signing.commitKeypair(world.did) })
      const before = world.account.repo.load()
      await pointTo(world, world.key, ORIGIN, world.key.did)
      expect((await world.call(ACTIVATE, { auth: world.admin })).status).toBe(200)
      const after = world.account.repo.load()
      expect(after.rev > before.rev).toBe(true)
      expect(after.data.equals(before.data)).toBe(true)
      expect(await verifyCommit(await latestCommit(world), world.key.did)).toBe(true)
      expect(world.events()).toEqual(['account', 'identity', 'sync'])
      expect(world.journal().slice(-2)).toEqual(['key-change', 'activate'])
      expect((await world.account.check()).problems).toEqual([])
    }))
})

describe('the status', () => {
  it('tells everything, and no secret', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      await post(world, access)
      await world.call('app.bsky.actor.putPreferences', {
        auth: access,
        body: { preferences: [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }] },
      })
      const body = await status(world)
      const { rev, root } = world.account.repo.load()
      expect(body).toMatchObject({
        did: world.did,
        handle: HANDLE,
        active: true,
        state: 'active',
        identity: {
          pds: ORIGIN,
          signingKey: world.key.did,
          rotationKeys: [world.recovery.did, world.key.did],
          head: world.directory.head(world.did).cid,
          movedAway: false,
          recoverable: true,
        },
        repo: { rev, commit: root.toString(), records: 1 },
        blobs: { expected: 0, stored: 0 },
        unsubmitted: [],
      })
      expect(body.journal.map(({ event }: { event: string }) => event)).toEqual(['sign-in', 'activate'])
      expect(body.next).toContain('nothing to do')
      expect(JSON.stringify(body)).not.toContain(ADMIN_PASSWORD)
      expect((await world.call(CHECK, { auth: access })).body).toEqual({
        activated: true,
        validDid: true,
        repoCommit: root.toString(),
        repoRev: rev,
        repoBlocks: body.repo.blocks,
        indexedRecords: 1,
        privateStateValues: 1,
        expectedBlobs: 0,
        importedBlobs: 0,
      })
    }))

  it('says when the network cannot be asked, and shows the rest', () =>
    inWorld({}, async (world) => {
      world.directory.mode = 'down'
      const body = await status(world)
      expect(body.identity.error).toContain('not available')
      expect(body.repo.rev).toBe(world.account.repo.load().rev)
      expect(body.next).toContain('`pds status`')
    }))

  it('pages the journal, and checks the repository', () =>
    inWorld({}, async (world) => {
      for (let i = 0; i < 3; i++) await world.mint({ scope: ['repo:read'] })
      const JOURNAL = 'com.cirrus.admin.getJournal'
      const one = (await world.call(JOURNAL, { auth: world.admin, params: { limit: '3' } })).body
      expect(one.entries.map(({ n }: { n: number }) => n)).toEqual([4, 3, 2])
      const two = (
        await world.call(JOURNAL, { auth: world.admin, params: { limit: '3', cursor: one.cursor } })
      ).body
      expect(two.entries.map(({ event }: { event: string }) => event)).toEqual(['activate'])
      expect(two.cursor).toBeUndefined()
      expect((await world.call(JOURNAL, { auth: world.admin, params: { cursor: 'x' } })).error).toBe(
        'InvalidRequest',
      )
      expect((await world.call('com.cirrus.admin.checkRepo', { auth: world.admin })).body).toMatchObject({
        ok: true,
        problems: [],
      })
    }))
})
