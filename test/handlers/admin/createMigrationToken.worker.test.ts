import { Buffer } from 'node:buffer'
import { afterEach, describe, expect, it } from 'vitest'
import { onFault } from '../../../src/fault.ts'
import { failure, logIn, partOf } from '../support/calls.ts'
import { targeted } from '../support/did.ts'
import { DIED, killAt } from '../support/faults.ts'
import { HANDLE, inWorld, ORIGIN, SERVICE, TARGET, TARGET_DID } from '../support/world.ts'

afterEach(() => onFault(undefined))

const claimsOf = (token: string) => partOf(token, 1)

describe('createMigrationToken', () => {
  it('gives the claims of the specification, without a target', () =>
    inWorld({}, async ({ admin, clock, did, directory, journal }) => {
      const minted = await admin.com.cirrus.admin.createMigrationToken()
      expect(partOf(minted.token, 0)).toEqual({ alg: 'ES256K', typ: 'cirrus-migration+jwt' })
      const iat = Math.floor(clock.now / 1000)
      const { cid, operation } = directory.head(did)
      if (operation.type !== 'plc_operation') expect.unreachable()
      const { rotationKeys, verificationMethods, alsoKnownAs, services } = operation
      expect(claimsOf(minted.token)).toEqual({
        iss: did,
        aud: SERVICE,
        iat,
        exp: iat + 900,
        jti: minted.jti,
        scope: 'repo:read blob:read preferences:read account:create plc:sign',
        plc: { prev: cid, rotationKeys, verificationMethods, alsoKnownAs, services },
      })
      expect(minted.jti).toMatch(/^[0-9a-f]{32}$/)
      expect(minted).toMatchObject({
        audience: SERVICE,
        expiresAt: new Date((iat + 900) * 1000).toISOString(),
      })
      expect(minted.scope.join(' ')).toBe(claimsOf(minted.token).scope)
      expect(journal().at(-1)).toBe('mint')
    }))

  it('binds a token to its target and to createAccount', () =>
    inWorld({}, async ({ mint }) => {
      expect(claimsOf(await mint({ target: `${TARGET}/`, audience: TARGET_DID }))).toMatchObject({
        aud: TARGET_DID,
        target: TARGET,
        lxm: 'com.atproto.server.createAccount',
      })
    }))

  it('asks the directory only for plc:sign, and answers DirectoryUnavailable while it is down or lies', () =>
    inWorld({}, async ({ admin, directory, mint }) => {
      directory.mode = 'down'
      const asked = directory.requests.length
      const token = await mint({ scope: ['repo:read'] })
      expect(claimsOf(token).plc).toBeUndefined()
      expect(directory.requests).toHaveLength(asked)
      const { createMigrationToken } = admin.com.cirrus.admin
      await expect(createMigrationToken()).rejects.toMatchObject({
        status: 400,
        error: 'DirectoryUnavailable',
      })
      directory.mode = 'lying'
      await expect(createMigrationToken()).rejects.toMatchObject({ error: 'DirectoryUnavailable' })
    }))

  it('answers InvalidScope to a scope that does not exist', () =>
    inWorld({}, async ({ mint }) => {
      await expect(mint({ scope: ['repo:write'] })).rejects.toMatchObject({ error: 'InvalidScope' })
    }))

  it('answers InvalidScope to plc:sign where our rotation key is not in the head', () =>
    inWorld({ foreignKey: true, active: false }, async ({ account, key, mint }) => {
      account.sql.run(`UPDATE account SET state = 'active', activated_at = 1`)
      const refused = await failure(mint({ scope: ['plc:sign'] }))
      expect(refused.error).toBe('InvalidScope')
      expect(refused.message).toContain(key.did)
    }))

  it('answers InvalidScope to plc:sign for a did:web, and leaves it out of the default', () =>
    inWorld({ didWeb: true }, async ({ mint }) => {
      expect(claimsOf(await mint()).scope).toBe('repo:read blob:read preferences:read account:create')
      await expect(mint({ scope: ['plc:sign'] })).rejects.toMatchObject({ error: 'InvalidScope' })
    }))

  it.each([
    ['an audience without a target', { audience: TARGET_DID }],
    ['a target without an audience', { target: TARGET }],
    ['this server as the target', { target: ORIGIN, audience: TARGET_DID }],
    ['this server as the audience', { target: TARGET, audience: SERVICE }],
    ['a target without https', { target: 'http://new.example.com', audience: TARGET_DID }],
    ['a target with a path', { target: 'https://new.example.com/path', audience: TARGET_DID }],
    ['a target with a password', { target: 'https://u:p@new.example.com', audience: TARGET_DID }],
    ['a target that is not a URL of the web', { target: 'at://new.example.com', audience: TARGET_DID }],
  ])('answers InvalidRequest to %s', (_, input) =>
    inWorld({}, async ({ mint }) => {
      await expect(mint(input)).rejects.toMatchObject({ error: 'InvalidRequest' })
    }),
  )

  it('mints ten an hour', () =>
    inWorld({}, async ({ clock, mint }) => {
      for (let i = 0; i < 10; i++) await mint({ scope: ['repo:read'] })
      const refused = await failure(mint())
      expect(refused).toMatchObject({ status: 429, error: 'RateLimitExceeded' })
      expect(refused.headers.get('ratelimit-limit')).toBe('10')
      clock.now += 3600_000
      await mint()
    }))

  it('counts only the tokens that it minted: a directory that was down costs the owner nothing', () =>
    inWorld({}, async ({ directory, mint }) => {
      directory.mode = 'down'
      for (let i = 0; i < 11; i++)
        await expect(mint()).rejects.toMatchObject({ error: 'DirectoryUnavailable' })
      directory.mode = 'up'
      await mint()
    }))

  it('is for the admin alone: sessions, tokens and other passwords are refused', () =>
    inWorld({}, async ({ client, bearer, journal, mint }) => {
      const { accessJwt, refreshJwt } = await logIn(client)
      const invalid = { status: 400, error: 'InvalidToken' }
      for (const token of [accessJwt, refreshJwt, await mint(targeted)])
        await expect(bearer(token).com.cirrus.admin.createMigrationToken()).rejects.toMatchObject(invalid)
      const { createMigrationToken } = client.com.cirrus.admin
      await expect(createMigrationToken()).rejects.toMatchObject({ status: 401, error: 'AuthMissing' })
      const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
      for (const authorization of [
        basic('admin:wrong'),
        basic('alice:admin-canary-5fd1'),
        basic('admin:'),
        basic(`${HANDLE}:correct horse battery`),
      ])
        await expect(createMigrationToken({}, { headers: { authorization } })).rejects.toMatchObject({
          status: 401,
          error: 'AuthenticationRequired',
        })
      for (const authorization of ['Basic !!', 'Basic', 'Digest x', 'Bearer', 'Bearer a b', 'nonsense'])
        await expect(
          createMigrationToken({}, { headers: { authorization } }),
          authorization,
        ).rejects.toMatchObject(invalid)
      expect(journal().filter((event) => event === 'mint')).toHaveLength(1)
    }))

  it('leaves a journal entry and no token when it dies in between', () =>
    inWorld({}, async ({ did, mint, ...world }) => {
      killAt('mint.afterJournal')
      await expect(mint()).rejects.toMatchObject(DIED)
      onFault(undefined)
      await world.restart()
      expect(world.journal().filter((event) => event === 'mint')).toHaveLength(1)
      expect(claimsOf(await mint()).iss).toBe(did)
    }))

  it('mints where no recovery key stands above ours, and the status says that it is missing', () =>
    inWorld({ recoveryKeys: false }, async ({ admin, mint }) => {
      expect((await admin.com.cirrus.admin.getStatus()).identity.recoverable).toBe(false)
      expect((await mint(targeted)).length).toBeGreaterThan(0)
    }))
})
