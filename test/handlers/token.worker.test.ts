import { Buffer } from 'node:buffer'
import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { describe, expect, it } from 'vitest'
import type { MigrationClaims } from '../../src/signing/migrationToken.ts'
import { onFault } from '../../src/fault.ts'
import type { MethodId } from '../../src/generated/methods.ts'
import {
  bearer,
  HANDLE,
  inWorld,
  type Json,
  moveTo,
  newKey,
  ORIGIN,
  SERVICE,
  TARGET,
  TARGET_DID,
  targeted,
  type World,
} from './support/world.ts'

const MINT = 'com.cirrus.admin.createMigrationToken'
const STATUS = 'com.atproto.server.checkAccountStatus'
const READ = 'com.atproto.sync.getLatestCommit'

const part = (token: string, at: number): Json =>
  JSON.parse(Buffer.from(token.split('.')[at] ?? '', 'base64url').toString())
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const claimsOf = (token: string): MigrationClaims & Record<string, unknown> => part(token, 1)

/** A token of any shape, signed by any key. */
const forge = async (
  header: object,
  payload: object,
  key: { sign(bytes: Uint8Array): Promise<Uint8Array> } | undefined,
): Promise<string> => {
  const signed = `${encode(header)}.${encode(payload)}`
  const sig = key ? Buffer.from(await key.sign(new TextEncoder().encode(signed))).toString('base64url') : ''
  return `${signed}.${sig}`
}

const keypair = (world: World) => Secp256k1Keypair.import(world.key.hex.reveal())
const HEADER = { alg: 'ES256K', typ: 'cirrus-migration+jwt' }

describe('minting', () => {
  it('gives the claims of the specification, untargeted', () =>
    inWorld({}, async (world) => {
      const { body } = await world.call(MINT, { auth: world.admin, body: {} })
      expect(part(body.token, 0)).toEqual(HEADER)
      const iat = Math.floor(world.clock.now / 1000)
      const { rotationKeys, verificationMethods, alsoKnownAs, services } = world.directory.head(world.did)
        .operation as Json
      expect(claimsOf(body.token)).toEqual({
        iss: world.did,
        aud: SERVICE,
        iat,
        exp: iat + 900,
        jti: body.jti,
        scope: 'repo:read blob:read preferences:read account:create plc:sign',
        plc: {
          prev: world.directory.head(world.did).cid,
          rotationKeys,
          verificationMethods,
          alsoKnownAs,
          services,
        },
      })
      expect(body.jti).toMatch(/^[0-9a-f]{32}$/)
      expect(body).toMatchObject({ audience: SERVICE, expiresAt: new Date((iat + 900) * 1000).toISOString() })
      expect(body.scope.join(' ')).toBe(claimsOf(body.token).scope)
      expect(world.journal().at(-1)).toBe('mint')
    }))

  it('binds a targeted token to the target and to createAccount', () =>
    inWorld({}, async (world) => {
      expect(claimsOf(await world.mint({ target: `${TARGET}/`, audience: TARGET_DID }))).toMatchObject({
        aud: TARGET_DID,
        target: TARGET,
        lxm: 'com.atproto.server.createAccount',
      })
    }))

  it('asks the directory only for plc:sign, and then says when it is not available', () =>
    inWorld({}, async (world) => {
      world.directory.mode = 'down'
      const asked = world.directory.requests.length
      const token = await world.mint({ scope: ['repo:read'] })
      expect(claimsOf(token).plc).toBeUndefined()
      expect(world.directory.requests).toHaveLength(asked)
      const refused = await world.call(MINT, { auth: world.admin, body: {} })
      expect(refused).toMatchObject({ status: 400, error: 'DirectoryUnavailable' })
      world.directory.mode = 'lying'
      expect((await world.call(MINT, { auth: world.admin, body: {} })).error).toBe('DirectoryUnavailable')
    }))

  it('refuses unknown scopes, foreign audiences, ourselves and what is no origin', () =>
    inWorld({}, async (world) => {
      const mint = async (body: object) => (await world.call(MINT, { auth: world.admin, body })).error
      expect(await mint({ scope: ['repo:write'] })).toBe('InvalidScope')
      expect(await mint({ audience: TARGET_DID })).toBe('InvalidRequest')
      expect(await mint({ target: TARGET })).toBe('InvalidRequest')
      expect(await mint({ target: ORIGIN, audience: TARGET_DID })).toBe('InvalidRequest')
      expect(await mint({ target: TARGET, audience: SERVICE })).toBe('InvalidRequest')
      for (const target of [
        'http://new.example.com',
        'https://new.example.com/path',
        'https://u:p@new.example.com',
        'at://new.example.com',
      ])
        expect([target, await mint({ target, audience: TARGET_DID })]).toEqual([target, 'InvalidRequest'])
    }))

  it('refuses plc:sign where our rotation key is not in the head', () =>
    inWorld({ foreignKey: true, active: false }, async (world) => {
      world.account.sql.run(`UPDATE account SET state = 'active', activated_at = 1`)
      const refused = await world.call(MINT, { auth: world.admin, body: { scope: ['plc:sign'] } })
      expect(refused.error).toBe('InvalidScope')
      expect(refused.message).toContain(world.key.did)
    }))

  it('leaves plc:sign out of the default for did:web, and refuses it where it is asked for', () =>
    inWorld({ didWeb: true }, async (world) => {
      expect(claimsOf(await world.mint()).scope).toBe('repo:read blob:read preferences:read account:create')
      expect((await world.call(MINT, { auth: world.admin, body: { scope: ['plc:sign'] } })).error).toBe(
        'InvalidScope',
      )
    }))

  it('mints ten an hour', () =>
    inWorld({}, async (world) => {
      for (let i = 0; i < 10; i++) await world.mint({ scope: ['repo:read'] })
      const refused = await world.call(MINT, { auth: world.admin, body: {} })
      expect(refused).toMatchObject({ status: 429, error: 'RateLimitExceeded' })
      expect(refused.headers.get('ratelimit-limit')).toBe('10')
      world.clock.now += 3600_000
      await world.mint()
    }))

  it('counts only the tokens that it minted: a directory that was down costs the owner nothing', () =>
    inWorld({}, async (world) => {
      world.directory.mode = 'down'
      for (let i = 0; i < 11; i++)
        expect((await world.call(MINT, { auth: world.admin, body: {} })).error).toBe('DirectoryUnavailable')
      world.directory.mode = 'up'
      await world.mint()
    }))

  it('is for the admin alone: no session, no token, no other password', () =>
    inWorld({}, async (world) => {
      const { access, refresh } = await world.signIn()
      const token = bearer(await world.mint(targeted))
      for (const auth of [access, refresh, token])
        expect(await world.call(MINT, { auth, body: {} })).toMatchObject({
          status: 400,
          error: 'InvalidToken',
        })
      expect(await world.call(MINT, { body: {} })).toMatchObject({ status: 401, error: 'AuthMissing' })
      const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
      for (const auth of [
        basic('admin:wrong'),
        basic('alice:admin-canary-5fd1'),
        basic('admin:'),
        basic(`${HANDLE}:correct horse battery`),
      ])
        expect(await world.call(MINT, { auth, body: {} })).toMatchObject({
          status: 401,
          error: 'AuthenticationRequired',
        })
      for (const auth of ['Basic !!', 'Basic', 'Digest x', 'Bearer', 'Bearer a b', 'nonsense'])
        expect(await world.call(MINT, { auth, body: {} })).toMatchObject({
          status: 400,
          error: 'InvalidToken',
        })
      expect(world.journal().filter((event) => event === 'mint')).toHaveLength(1)
    }))

  it('leaves a journal entry and no token when it fails in between', () =>
    inWorld({}, async (world) => {
      onFault((name) => {
        if (name === 'mint.afterJournal') throw new Error('killed')
      })
      try {
        await expect(world.mint()).rejects.toThrow()
      } finally {
        onFault(undefined)
      }
      await world.restart()
      expect(world.journal().filter((event) => event === 'mint')).toHaveLength(1)
      expect(claimsOf(await world.mint()).iss).toBe(world.did)
    }))
})

describe('a migration token that is not good', () => {
  const refused = async (world: World, token: string, name = 'InvalidToken') => {
    for (const id of [STATUS, READ] as const) {
      const answer = await world.call(id, { auth: bearer(token), params: { did: world.did } })
      expect([id, answer.status, answer.error]).toEqual([id, 400, name])
      expect(answer.message).not.toContain(token)
      expect(answer.message).toContain('docs/troubleshoot.md#')
    }
  }

  it('is refused when it has expired, also on public reads', () =>
    inWorld({}, async (world) => {
      const token = await world.mint()
      world.clock.now = (claimsOf(token).exp - 1) * 1000
      expect((await world.call(STATUS, { auth: bearer(token) })).status).toBe(200)
      world.clock.now += 1000
      await refused(world, token, 'ExpiredToken')
    }))

  it("is refused when it is another account's, or signed by another key", () =>
    inWorld({}, async (world) => {
      const claims = claimsOf(await world.mint())
      const other = await newKey()
      await refused(world, await other.signing.signMigrationToken(claims))
      await refused(
        world,
        await world.key.signing.signMigrationToken({ ...claims, iss: `did:plc:${'a'.repeat(24)}` }),
      )
      await refused(
        world,
        await world.key.signing.signMigrationToken({ ...claims, aud: 'did:web:other.example.com' }),
      )
    }))

  it('is refused with alg none, with ES256, HS256 and a P-256 key', () =>
    inWorld({}, async (world) => {
      const claims = claimsOf(await world.mint())
      const key = await keypair(world)
      const p256 = await P256Keypair.create()
      await refused(world, await forge({ ...HEADER, alg: 'none' }, claims, undefined))
      await refused(world, await forge({ ...HEADER, alg: 'none' }, claims, key))
      await refused(world, await forge({ ...HEADER, alg: 'ES256' }, claims, p256))
      await refused(world, await forge(HEADER, claims, p256))
      await refused(world, await forge({ ...HEADER, alg: 'HS256' }, claims, key))
      await refused(world, await forge({ ...HEADER, alg: 'ES256', jwk: { kty: 'EC' } }, claims, key))
    }))

  it('is refused with another typ, and its typ opens nothing else', () =>
    inWorld({}, async (world) => {
      const claims = claimsOf(await world.mint())
      const key = await keypair(world)
      for (const typ of [
        'JWT',
        'at+jwt',
        'refresh+jwt',
        'cirrus-manifest+jwt',
        'CIRRUS-MIGRATION+JWT',
        undefined,
      ])
        await refused(world, await forge({ alg: 'ES256K', typ }, claims, key))
      const { accessJwt } = await world.signIn()
      const [, payload, sig] = accessJwt.split('.')
      await refused(world, `${encode({ alg: 'HS256', typ: 'cirrus-migration+jwt' })}.${payload}.${sig}`)
      const { body } = await world.call('com.cirrus.admin.getManifest', { auth: world.admin })
      await refused(world, body.manifest)
      const service = await world.account.serviceAuth.token({
        aud: SERVICE,
        lxm: 'com.atproto.repo.uploadBlob',
      })
      await refused(world, service)
    }))

  it('is refused when it lives too long, begins in the future, or carries more than it may', () =>
    inWorld({}, async (world) => {
      const claims = claimsOf(await world.mint())
      const key = await keypair(world)
      await refused(world, await forge(HEADER, { ...claims, exp: claims.iat + 901 }, key))
      await refused(
        world,
        await forge(HEADER, { ...claims, iat: claims.iat + 62, exp: claims.exp + 62 }, key),
      )
      expect(
        (
          await world.call(STATUS, {
            auth: bearer(await forge(HEADER, { ...claims, iat: claims.iat + 60, exp: claims.exp + 60 }, key)),
          })
        ).status,
      ).toBe(200)
      await refused(world, await forge(HEADER, { ...claims, admin: true }, key))
      await refused(world, await forge(HEADER, { ...claims, scope: `${claims.scope} repo:write` }, key))
      await refused(world, await forge({ ...HEADER, crit: ['b64'] }, claims, key))
    }))

  it('is refused after revocation, and the next one is good at once', () =>
    inWorld({}, async (world) => {
      const token = await world.mint()
      const { body } = await world.call('com.cirrus.admin.revokeMigrationTokens', { auth: world.admin })
      expect(Date.parse(body.tokensNotBefore)).toBe(world.clock.now)
      await refused(world, token)
      const next = await world.mint()
      expect((await world.call(STATUS, { auth: bearer(next) })).status).toBe(200)
      await world.call('com.cirrus.admin.revokeMigrationTokens', { auth: world.admin })
      await refused(world, next)
      expect((await world.call(STATUS, { auth: bearer(await world.mint()) })).status).toBe(200)
      expect(world.journal()).toContain('revoke-tokens')
    }))

  it('is refused with a byte changed, a padded signature, and a high S', () =>
    inWorld({}, async (world) => {
      const token = await world.mint()
      const [header = '', payload = '', sig = ''] = token.split('.')
      await refused(
        world,
        `${header}.${encode({ ...claimsOf(token), scope: 'repo:read account:deactivate plc:sign' })}.${sig}`,
      )
      await refused(world, `${header}.${payload}.${sig}=`)
      const bytes = Buffer.from(sig, 'base64url')
      const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
      const high = (order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)).toString(16).padStart(64, '0')
      const malleable = Buffer.concat([bytes.subarray(0, 32), Buffer.from(high, 'hex')]).toString('base64url')
      await refused(world, `${header}.${payload}.${malleable}`)
    }))
})

describe('what a scope opens', () => {
  const OPENS: Record<string, [MethodId, object?][]> = {
    'repo:read': [
      ['com.atproto.sync.getRepo'],
      ['com.atproto.sync.getLatestCommit'],
      ['com.atproto.sync.getRepoStatus'],
      ['com.atproto.server.checkAccountStatus'],
      ['com.cirrus.admin.getManifest'],
    ],
    'blob:read': [['com.atproto.sync.listBlobs'], ['com.cirrus.admin.listBlobs']],
    'preferences:read': [['app.bsky.actor.getPreferences']],
  }

  it('is what the table says, active and deactivated alike, and nothing more', () =>
    inWorld({}, async (world) => {
      const tokens = Object.fromEntries(
        await Promise.all(
          Object.keys(OPENS).map(async (scope) => [scope, await world.mint({ scope: [scope] })] as const),
        ),
      )
      const all = async () => {
        for (const [scope, token] of Object.entries(tokens))
          for (const [owner, methods] of Object.entries(OPENS))
            for (const [id] of methods) {
              const { status, error } = await world.call(id, {
                auth: bearer(token),
                params: { did: world.did },
              })
              expect([scope, id, status, error]).toEqual(
                owner === scope ? [scope, id, 200, undefined] : [scope, id, 400, 'InvalidToken'],
              )
            }
      }
      await all()
      await world.call('com.atproto.server.deactivateAccount', { auth: world.admin, body: {} })
      await all()
    }))

  it('is never a write, a session, another token or the status', () =>
    inWorld({}, async (world) => {
      const scope = [
        'repo:read',
        'blob:read',
        'preferences:read',
        'account:create',
        'plc:sign',
        'account:deactivate',
      ]
      const auth = bearer(await world.mint({ ...targeted, scope }))
      const record = {
        repo: world.did,
        collection: 'app.bsky.feed.post',
        record: { text: 'x', createdAt: new Date().toISOString() },
      }
      const tries: [MethodId, object?][] = [
        ['com.atproto.repo.createRecord', record],
        ['com.atproto.repo.putRecord', { ...record, rkey: 'a' }],
        ['com.atproto.repo.deleteRecord', { ...record, rkey: 'a' }],
        ['com.atproto.repo.applyWrites', { repo: world.did, writes: [] }],
        ['app.bsky.actor.putPreferences', { preferences: [] }],
        ['com.atproto.server.getSession'],
        ['com.atproto.server.refreshSession'],
        ['com.atproto.server.activateAccount'],
        [MINT, {}],
        ['com.cirrus.admin.getStatus'],
        ['com.cirrus.admin.getJournal'],
        ['com.cirrus.admin.revokeMigrationTokens'],
        ['com.cirrus.admin.voidPlcOperation'],
        ['com.atproto.identity.submitPlcOperation', { operation: {} }],
        ['com.atproto.identity.requestPlcOperationSignature'],
      ]
      for (const [id, body] of tries) {
        const { status, error } = await world.call(id, { auth, ...(body && { body }) })
        expect([id, status, error]).toEqual([id, 400, 'InvalidToken'])
      }
    }))

  it('deactivates only with its scope, and only once the directory names another PDS', () =>
    inWorld({}, async (world) => {
      const DEACTIVATE = 'com.atproto.server.deactivateAccount'
      const weak = bearer(await world.mint(targeted))
      expect((await world.call(DEACTIVATE, { auth: weak, body: {} })).error).toBe('InvalidToken')
      const scope = ['plc:sign', 'account:deactivate', 'repo:read']
      const token = await world.mint({ ...targeted, scope })
      const auth = bearer(token)
      expect(await world.call(DEACTIVATE, { auth, body: {} })).toMatchObject({
        status: 403,
        error: 'Forbidden',
      })
      world.directory.mode = 'down'
      expect(await world.call(DEACTIVATE, { auth, body: {} })).toMatchObject({
        status: 502,
        error: 'UpstreamFailure',
      })
      world.directory.mode = 'up'
      const { body } = await world.call('com.atproto.identity.signPlcOperation', {
        auth,
        body: moveTo(await newKey()),
      })
      await world.directory.add(world.did, body.operation)
      expect((await world.call(DEACTIVATE, { auth, body: {} })).status).toBe(200)
      expect(world.account.state()).toBe('deactivated')
    }))
})

describe('getServiceAuth', () => {
  const ID = 'com.atproto.server.getServiceAuth'
  const CREATE = 'com.atproto.server.createAccount'
  const ask = (world: World, auth: string, params: Record<string, string>) => world.call(ID, { auth, params })

  it('gives a session tokens as the reference does: 60 s, an hour with lxm, BadExpiration beyond', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      const now = Math.floor(world.clock.now / 1000)
      const { body } = await ask(world, access, { aud: TARGET_DID })
      expect(part(body.token, 0)).toEqual({ alg: 'ES256K', typ: 'JWT' })
      expect(claimsOf(body.token)).toMatchObject({ iss: world.did, aud: TARGET_DID, iat: now, exp: now + 60 })
      expect(
        (
          await ask(world, access, {
            aud: `${TARGET_DID}#bsky_appview`,
            lxm: 'app.bsky.feed.getTimeline',
            exp: `${now + 3600}`,
          })
        ).status,
      ).toBe(200)
      const wrong: Record<string, string>[] = [
        { exp: `${now + 61}` },
        { exp: `${now}` },
        { exp: `${now - 1}` },
        { exp: `${now + 3601}`, lxm: CREATE },
      ]
      for (const params of wrong)
        expect((await ask(world, access, { aud: TARGET_DID, ...params })).error).toBe('BadExpiration')
      expect((await ask(world, access, { aud: 'not a did' })).error).toBe('InvalidRequest')
    }))

  it('refuses methods that manage the account', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      for (const lxm of [
        'com.atproto.identity.signPlcOperation',
        'com.atproto.server.deactivateAccount',
        MINT,
      ])
        expect((await ask(world, access, { aud: TARGET_DID, lxm })).error).toBe('InvalidRequest')
      expect((await ask(world, access, { aud: TARGET_DID, lxm: CREATE })).status).toBe(200)
    }))

  it("gives a migration token createAccount for its target, for no longer than the token's life", () =>
    inWorld({}, async (world) => {
      const token = await world.mint(targeted)
      const auth = bearer(token)
      const { body } = await ask(world, auth, { aud: TARGET_DID, lxm: CREATE })
      expect(claimsOf(body.token)).toMatchObject({
        aud: TARGET_DID,
        lxm: CREATE,
        exp: Math.floor(world.clock.now / 1000) + 60,
      })
      expect((await ask(world, auth, { aud: TARGET_DID })).error).toBe('InvalidToken')
      expect((await ask(world, auth, { aud: TARGET_DID, lxm: 'com.atproto.repo.uploadBlob' })).error).toBe(
        'InvalidToken',
      )
      expect((await ask(world, auth, { aud: 'did:web:evil.example.com', lxm: CREATE })).error).toBe(
        'InvalidToken',
      )
      const { exp } = claimsOf(token)
      expect((await ask(world, auth, { aud: TARGET_DID, lxm: CREATE, exp: `${exp + 1}` })).error).toBe(
        'BadExpiration',
      )
      expect((await ask(world, auth, { aud: TARGET_DID, lxm: CREATE, exp: `${exp}` })).status).toBe(200)
      world.clock.now = (exp - 10) * 1000
      expect(claimsOf((await ask(world, auth, { aud: TARGET_DID, lxm: CREATE })).body.token).exp).toBe(exp)
      world.clock.now = (exp - 700) * 1000
      const narrow = bearer(await world.mint({ scope: ['repo:read'] }))
      expect((await ask(world, narrow, { aud: TARGET_DID, lxm: CREATE })).error).toBe('InvalidToken')
      const open = bearer(await world.mint())
      expect((await ask(world, open, { aud: 'did:web:any.example.com', lxm: CREATE })).status).toBe(200)
    }))
})
