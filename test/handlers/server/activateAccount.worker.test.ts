import { describe, expect, it } from 'vitest'
import { verifyCommit } from '../../../src/repo/commit.ts'
import { formatTid } from '../../../src/repo/tid.ts'
import { failure, post } from '../support/calls.ts'
import { changeDid, latestCommit, pdsAt } from '../support/did.ts'
import { newKey } from '../support/keys.ts'
import { HANDLE, inWorld, ORIGIN, PASSWORD, SERVICE } from '../support/world.ts'

const OLD = 'https://old.example.com'

describe('activateAccount', () => {
  it('creates the account for the admin, announces account, identity and sync, and may be repeated', () =>
    inWorld({ active: false }, async ({ admin, account, did, ...world }) => {
      expect(account.state()).toBe('absent')
      for (let i = 0; i < 2; i++) await admin.com.atproto.server.activateAccount()
      expect(account.state()).toBe('active')
      expect(world.events()).toEqual(['account', 'identity', 'sync'])
      expect(world.journal()).toEqual(['activate'])
      const events = world.announced(0)
      expect(events[0]).toMatchObject({ did, active: true })
      expect(events[0]).not.toHaveProperty('status')
      expect(events[1]).toMatchObject({ did, handle: HANDLE })
      expect(events[2]).toMatchObject({ did, rev: (await world.head()).rev })
      expect((await admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    }))

  it('is refused while the DID names another PDS, and does not make a repository', () =>
    inWorld({ active: false, endpoint: OLD }, async ({ admin, account }) => {
      await expect(admin.com.atproto.server.activateAccount()).rejects.toMatchObject({
        error: 'InvalidRequest',
        message: expect.stringContaining(`pds import --from ${OLD}`),
      })
      expect(account.repo.head()).toBeUndefined()
    }))

  it('is refused while the DID names another key', () =>
    inWorld({ active: false, foreignKey: true }, async ({ admin, key }) => {
      const { message } = await failure(admin.com.atproto.server.activateAccount())
      expect(message).toContain(key.did)
    }))

  it('is refused while the DID cannot be looked up, and where nobody registered it', () =>
    inWorld({ active: false }, async ({ admin, directory }) => {
      directory.mode = 'down'
      await expect(admin.com.atproto.server.activateAccount()).rejects.toMatchObject({
        status: 502,
        error: 'UpstreamFailure',
      })
      directory.mode = 'up'
      directory.logs.clear()
      await expect(admin.com.atproto.server.activateAccount()).rejects.toMatchObject({
        error: 'InvalidRequest',
      })
    }))

  it('is named by sign-in and status until it is called; reads answer RepoNotFound', () =>
    inWorld({ active: false }, async ({ client, admin, did }) => {
      const login = client.com.atproto.server.createSession({ identifier: HANDLE, password: PASSWORD })
      await expect(login).rejects.toMatchObject({
        status: 400,
        error: 'InvalidRequest',
        message: expect.stringContaining('pds activate'),
      })
      await expect(client.com.atproto.sync.getRepo({ did })).rejects.toMatchObject({ error: 'RepoNotFound' })
      await expect(admin.com.cirrus.admin.getManifest()).rejects.toMatchObject({ error: 'RepoNotFound' })
      expect((await client.com.atproto.sync.listRepos()).repos).toEqual([])
      expect((await admin.com.cirrus.admin.getStatus()).next).toContain('`pds activate`')
    }))

  it('undoes a deactivation with a new commit of the same tree, announces it, and loses nothing', () =>
    inWorld({}, async (world) => {
      const { account, clock, did } = world
      const owner = await world.signIn()
      await post(owner, did)
      const { data, rev } = account.repo.requireHead()
      await owner.com.atproto.server.deactivateAccount()
      const before = world.latest()
      clock.now += 60_000
      await owner.com.atproto.server.activateAccount()
      expect(world.events(before)).toEqual(['account', 'identity', 'sync'])
      const head = account.repo.requireHead()
      expect(head.data).toEqual(data)
      expect(head.rev > rev && head.rev >= formatTid(clock.now * 1000)).toBe(true)
      expect(await verifyCommit(await latestCommit(world), world.key.did)).toBe(true)
      expect(world.announced(before)[2]).toMatchObject({ did, rev: head.rev })
      // It is active: there is nothing to sign or to announce again.
      await owner.com.atproto.server.activateAccount()
      expect(account.repo.requireHead()).toEqual(head)
      expect(world.events(before)).toEqual(['account', 'identity', 'sync'])
      expect((await world.admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
      await post(owner, world.did)
      expect((await world.admin.com.cirrus.admin.getStatus()).deactivatedAt).toBeUndefined()
    }))

  it('ends every session when the admin activates for the first time, and none later', () =>
    inWorld({ active: false }, async ({ admin, account, ...world }) => {
      const token = await world.key.signing.signServiceToken({
        ...{ iss: world.did, aud: SERVICE, lxm: 'com.atproto.server.createAccount', jti: 'a'.repeat(32) },
        ...{ iat: Math.floor(world.clock.now / 1000), exp: Math.floor(world.clock.now / 1000) + 60 },
      })
      const input = { did: world.did, handle: HANDLE, password: PASSWORD }
      await world.bearer(token).com.atproto.server.createAccount(input)
      await world.signIn()
      await admin.com.atproto.server.activateAccount()
      expect(await admin.com.cirrus.admin.listSessions()).toEqual({ sessions: [], browsers: [] })
      expect(account.journal.page({ limit: 2 }).entries[1]).toMatchObject({
        event: 'end-sessions',
        detail: { reason: 'first activation', ended: 2 },
      })
      const owner = await world.signIn()
      await owner.com.atproto.server.deactivateAccount()
      await admin.com.atproto.server.activateAccount()
      await owner.com.atproto.server.getSession()
    }))

  it('is refused where the session that asks was ended meanwhile', () =>
    inWorld({ active: false }, async ({ admin, account, directory, ...world }) => {
      await account.repo.create()
      const { accessJwt } = await account.sessions.create({ via: 'createSession' })
      account.sql.run("UPDATE account SET state = 'deactivated'")
      directory.before = async () => void (await admin.com.cirrus.admin.endSessions({ all: true }))
      await expect(world.bearer(accessJwt).com.atproto.server.activateAccount()).rejects.toMatchObject({
        error: 'ExpiredToken',
      })
      expect(account.state()).toBe('deactivated')
      expect(world.events()).toEqual([])
    }))

  it('of an account that moved in signs the repository with our own key, above every revision', () =>
    inWorld({ active: false, endpoint: OLD }, async (world) => {
      const { admin, account, did } = world
      const old = await newKey()
      await changeDid(world, world.key, { services: pdsAt(OLD), verificationMethods: { atproto: old.did } })
      const now = Math.floor(world.clock.now / 1000)
      const token = await old.signing.signServiceToken({
        iss: did,
        aud: SERVICE,
        iat: now,
        exp: now + 60,
        lxm: 'com.atproto.server.createAccount',
        jti: 'a'.repeat(32),
      })
      await world.bearer(token).com.atproto.server.createAccount({ did, handle: HANDLE, password: PASSWORD })
      await expect(admin.com.atproto.server.activateAccount()).rejects.toMatchObject({
        error: 'InvalidRequest',
      })
      // As an import leaves it: the commit is signed by the key of the old host.
      await account.repo.signAgain({ signer: old.signing.commitKeypair(did) })
      const before = account.repo.requireHead()
      const ours = { services: pdsAt(ORIGIN), verificationMethods: { atproto: world.key.did } }
      await changeDid(world, world.key, ours)
      await admin.com.atproto.server.activateAccount()
      const after = account.repo.requireHead()
      expect(after.rev > before.rev).toBe(true)
      expect(after.data.equals(before.data)).toBe(true)
      expect(await verifyCommit(await latestCommit(world), world.key.did)).toBe(true)
      expect(world.events()).toEqual(['account', 'identity', 'sync'])
      expect(world.journal().slice(-3)).toEqual(['key-change', 'end-sessions', 'activate'])
      expect((await admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    }))
})
