import { describe, expect, it } from 'vitest'
import { hashPassword } from '../../src/crypto/password.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { HANDLE, inWorld, ORIGIN, PASSWORD, bearer, TARGET, type World } from './support/world.ts'

const login = (world: World, identifier: string, password = PASSWORD) =>
  world.call('com.atproto.server.createSession', { body: { identifier, password } })

describe('sessions', () => {
  it('opens by handle in any case, with @ or at://, and by DID', () =>
    inWorld({}, async (world) => {
      for (const name of [HANDLE, 'Alice.Example.Com', `@${HANDLE}`, `at://${HANDLE}`, world.did]) {
        const { status, body } = await login(world, name)
        expect([name, status]).toEqual([name, 200])
        expect(body).toMatchObject({ did: world.did, handle: HANDLE, active: true })
        expect(body.didDoc.service[0].serviceEndpoint).toBe(ORIGIN)
      }
    }))

  it('answers 401 AuthenticationRequired to a wrong password and to an unknown identifier, and writes them down', () =>
    inWorld({}, async (world) => {
      expect(await login(world, HANDLE, 'wrong')).toMatchObject({
        status: 401,
        error: 'AuthenticationRequired',
      })
      expect(await login(world, 'bob.example.com')).toMatchObject({
        status: 401,
        error: 'AuthenticationRequired',
      })
      expect(world.journal().filter((event) => event === 'failed-sign-in')).toHaveLength(2)
    }))

  it('refuses the 31st sign-in in five minutes with ratelimit headers, and takes the next after them', () =>
    inWorld({}, async (world) => {
      for (let i = 0; i < 30; i++) world.account.rateLimits.signIn()
      const refused = await login(world, HANDLE)
      expect(refused).toMatchObject({ status: 429, error: 'RateLimitExceeded' })
      expect(refused.headers.get('ratelimit-limit')).toBe('30')
      expect(refused.headers.get('ratelimit-remaining')).toBe('0')
      expect(refused.headers.get('ratelimit-policy')).toBe('30;w=300')
      world.clock.now += 300_000
      expect((await login(world, HANDLE)).status).toBe(200)
      for (let i = 0; i < 269; i++) {
        if (i % 29 === 0) world.clock.now += 300_000
        world.account.rateLimits.signIn()
      }
      world.clock.now += 300_000
      expect((await login(world, HANDLE)).headers.get('ratelimit-limit')).toBe('300')
    }))

  it('lets nobody shut the owner out by guessing: each network is counted for itself, an IPv6 one as its /64', () =>
    inWorld({}, async (world) => {
      const from = async (address: string) =>
        (
          await world.call('com.atproto.server.createSession', {
            body: { identifier: HANDLE, password: PASSWORD },
            headers: { 'cf-connecting-ip': address },
          })
        ).status
      for (let i = 0; i < 30; i++) world.account.rateLimits.signIn('192.0.2.1')
      for (let i = 0; i < 30; i++) world.account.rateLimits.signIn('2001:db8:0:1::/64')
      expect(await from('192.0.2.1')).toBe(429)
      expect(await from('2001:db8::1:0:0:0:7')).toBe(429)
      expect(await from('2001:0DB8:0000:0001:aaaa::')).toBe(429)
      expect(await from('192.0.2.2')).toBe(200)
      expect(await from('2001:db8:0:2::1')).toBe(200)
      for (let i = 0; i < 238; i++) world.account.rateLimits.signIn(`198.51.100.${i}`)
      expect(await from('192.0.2.3')).toBe(429)
      world.clock.now += 25 * 3600_000
      expect(await from('192.0.2.1')).toBe(200)
      const rows = world.account.sql.first<{ count: number }>(
        `SELECT count(*) AS count FROM rate WHERE key LIKE 'sign-in%'`,
      )
      expect(rows?.count).toBe(4)
    }))

  it('refreshes: the old token is used up, and within two minutes brings the same answer again', () =>
    inWorld({}, async (world) => {
      const { refresh } = await world.signIn()
      world.clock.now += 60_000
      const first = await world.call('com.atproto.server.refreshSession', { auth: refresh })
      expect(first.status).toBe(200)
      world.clock.now += 60_000
      await world.restart()
      const again = await world.call('com.atproto.server.refreshSession', { auth: refresh })
      expect(again.body.refreshJwt).toBe(first.body.refreshJwt)
      expect(again.body.accessJwt).toBe(first.body.accessJwt)
      expect(
        (await world.call('com.atproto.server.getSession', { auth: bearer(again.body.accessJwt) })).status,
      ).toBe(200)
    }))

  it('ends the whole session when a refresh token is used again after that', () =>
    inWorld({}, async (world) => {
      const { refresh } = await world.signIn()
      const { body } = await world.call('com.atproto.server.refreshSession', { auth: refresh })
      world.clock.now += 121_000
      const replay = await world.call('com.atproto.server.refreshSession', { auth: refresh })
      expect(replay).toMatchObject({ status: 400, error: 'InvalidToken' })
      for (const [id, token] of [
        ['com.atproto.server.getSession', body.accessJwt],
        ['com.atproto.server.refreshSession', body.refreshJwt],
      ] as const)
        expect(await world.call(id, { auth: bearer(token) })).toMatchObject({
          status: 400,
          error: 'InvalidToken',
        })
      expect(world.journal()).toContain('session-revoked')
    }))

  it('ends the session when a token before the last is used, however soon', () =>
    inWorld({}, async (world) => {
      const { refresh } = await world.signIn()
      const { body } = await world.call('com.atproto.server.refreshSession', { auth: refresh })
      await world.call('com.atproto.server.refreshSession', { auth: bearer(body.refreshJwt) })
      expect((await world.call('com.atproto.server.refreshSession', { auth: refresh })).error).toBe(
        'InvalidToken',
      )
    }))

  it('is really over after deleteSession: access and refresh tokens alike', () =>
    inWorld({}, async (world) => {
      const { access, refresh } = await world.signIn()
      const other = await world.signIn()
      expect((await world.call('com.atproto.server.deleteSession', { auth: refresh })).status).toBe(200)
      expect((await world.call('com.atproto.server.getSession', { auth: access })).error).toBe('InvalidToken')
      expect((await world.call('com.atproto.server.refreshSession', { auth: refresh })).error).toBe(
        'InvalidToken',
      )
      expect((await world.call('com.atproto.server.getSession', { auth: other.access })).status).toBe(200)
    }))

  it('is over once the owner sets another password, and only then', () =>
    inWorld({}, async (world) => {
      const { access, refresh } = await world.signIn()
      const token = await world.mint()
      await world.restart()
      expect((await world.call('com.atproto.server.getSession', { auth: access })).status).toBe(200)
      const hash = await hashPassword(new Secret('a new password'), new Uint8Array(16))
      await world.restart({ PASSWORD_HASH: hash })
      for (const [id, auth] of [
        ['com.atproto.server.getSession', access],
        ['com.atproto.server.refreshSession', refresh],
        ['com.atproto.server.deleteSession', refresh],
      ] as const)
        expect(await world.call(id, { auth })).toMatchObject({
          status: 400,
          error: 'InvalidToken',
          message: expect.stringContaining('sign in again'),
        })
      expect((await login(world, HANDLE)).error).toBe('AuthenticationRequired')
      const { body } = await login(world, HANDLE, 'a new password')
      const auth = bearer(body.accessJwt)
      expect((await world.call('com.atproto.server.getSession', { auth })).status).toBe(200)
      // Migration tokens are the administrator's.
      const check = await world.call('com.atproto.server.checkAccountStatus', { auth: bearer(token) })
      expect(check.status).toBe(200)
    }))

  it('takes an access token for two hours, then 400 ExpiredToken', () =>
    inWorld({}, async (world) => {
      const { access, refresh } = await world.signIn()
      world.clock.now += 2 * 3600_000
      expect(await world.call('com.atproto.server.getSession', { auth: access })).toMatchObject({
        status: 400,
        error: 'ExpiredToken',
      })
      expect((await world.call('com.atproto.server.refreshSession', { auth: refresh })).status).toBe(200)
      world.clock.now += 91 * 86400_000
      expect((await world.call('com.atproto.server.refreshSession', { auth: refresh })).error).toBe(
        'ExpiredToken',
      )
    }))

  it('never takes a refresh token for an access token, nor the other way round', () =>
    inWorld({}, async (world) => {
      const { access, refresh } = await world.signIn()
      expect((await world.call('com.atproto.server.getSession', { auth: refresh })).error).toBe(
        'InvalidToken',
      )
      expect((await world.call('com.atproto.server.refreshSession', { auth: access })).error).toBe(
        'InvalidToken',
      )
      expect((await world.call('com.atproto.server.refreshSession')).error).toBe('AuthMissing')
    }))

  it('signs in while the directory is down, without didDoc, and does not ask it again at once', () =>
    inWorld({}, async (world) => {
      await world.restart()
      world.directory.mode = 'down'
      const first = await login(world, HANDLE)
      expect(first.status).toBe(200)
      expect(first.body.didDoc).toBeUndefined()
      const asked = world.directory.requests.length
      expect((await login(world, HANDLE)).status).toBe(200)
      expect(world.directory.requests).toHaveLength(asked)
    }))

  it('leaves didDoc out once the DID names another PDS, and says what the account is', () =>
    inWorld({}, async (world) => {
      const { access } = await world.signIn()
      const { body } = await world.call('com.atproto.server.getSession', { auth: access })
      expect(body.didDoc.id).toBe(world.did)
      const token = await world.mint({ target: TARGET, audience: 'did:web:new.example.com' })
      const { body: signed } = await world.call('com.atproto.identity.signPlcOperation', {
        auth: bearer(token),
        body: { services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: TARGET } } },
      })
      await world.directory.add(world.did, signed.operation)
      const after = await world.call('com.atproto.server.getSession', { auth: access })
      expect(after.body).toEqual({ did: world.did, handle: HANDLE, active: true })
      await world.call('com.atproto.server.deactivateAccount', { auth: access, body: {} })
      const old = await login(world, HANDLE)
      expect(old.body).toMatchObject({ active: false, status: 'deactivated' })
      expect(old.body.didDoc).toBeUndefined()
    }))

  it('keeps no password or token in the journal', () =>
    inWorld({}, async (world) => {
      const { accessJwt, refreshJwt } = await world.signIn()
      await login(world, HANDLE, 'wrong-canary')
      const token = await world.mint()
      const journal = JSON.stringify(world.account.journal.page({ limit: 100 }))
      for (const secret of [
        PASSWORD,
        'wrong-canary',
        accessJwt,
        refreshJwt,
        token,
        token.split('.')[2] ?? '',
      ]) {
        expect(journal).not.toContain(secret)
      }
      expect(world.account.journal.verify().ok).toBe(true)
    }))
})
