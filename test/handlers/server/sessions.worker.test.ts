import { describe, expect, it } from 'vitest'
import { hashPassword } from '../../../src/crypto/password.ts'
import { Secret } from '../../../src/crypto/secret.ts'
import { logIn } from '../support/calls.ts'
import { pdsAt, targeted } from '../support/did.ts'
import { HANDLE, inWorld, TARGET } from '../support/world.ts'

const INVALID = { status: 400, error: 'InvalidToken' }

describe('refreshSession', () => {
  it('uses the token up, and within two minutes answers the same token with the same session', () =>
    inWorld({}, async ({ client, bearer, clock, restart }) => {
      const { refreshJwt } = await logIn(client)
      const { refreshSession } = bearer(refreshJwt).com.atproto.server
      clock.now += 60_000
      const first = await refreshSession()
      clock.now += 60_000
      await restart()
      const again = await refreshSession()
      expect(again.refreshJwt).toBe(first.refreshJwt)
      expect(again.accessJwt).toBe(first.accessJwt)
      expect((await bearer(again.accessJwt).com.atproto.server.getSession()).handle).toBe(HANDLE)
    }))

  it('answers InvalidToken to a token that was used up two minutes ago, and ends the whole session', () =>
    inWorld({}, async ({ client, bearer, clock, journal }) => {
      const { refreshJwt } = await logIn(client)
      const next = await bearer(refreshJwt).com.atproto.server.refreshSession()
      clock.now += 121_000
      await expect(bearer(refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject(INVALID)
      await expect(bearer(next.accessJwt).com.atproto.server.getSession()).rejects.toMatchObject(INVALID)
      await expect(bearer(next.refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject(INVALID)
      expect(journal()).toContain('session-revoked')
    }))

  it('answers InvalidToken to a token before the last, however soon, and ends the session', () =>
    inWorld({}, async ({ client, bearer }) => {
      const { refreshJwt } = await logIn(client)
      const next = await bearer(refreshJwt).com.atproto.server.refreshSession()
      const last = await bearer(next.refreshJwt).com.atproto.server.refreshSession()
      await expect(bearer(refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject(INVALID)
      await expect(bearer(last.accessJwt).com.atproto.server.getSession()).rejects.toMatchObject(INVALID)
    }))

  it('answers ExpiredToken after three months', () =>
    inWorld({}, async ({ client, bearer, clock }) => {
      const { refreshJwt } = await logIn(client)
      clock.now += 2 * 3600_000
      await bearer(refreshJwt).com.atproto.server.refreshSession()
      clock.now += 91 * 86400_000
      await expect(bearer(refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject({
        status: 400,
        error: 'ExpiredToken',
      })
    }))

  it('takes no access token, and no caller without a token', () =>
    inWorld({}, async ({ client, bearer }) => {
      const { accessJwt } = await logIn(client)
      await expect(bearer(accessJwt).com.atproto.server.refreshSession()).rejects.toMatchObject(INVALID)
      await expect(client.com.atproto.server.refreshSession()).rejects.toMatchObject({ error: 'AuthMissing' })
    }))
})

describe('deleteSession', () => {
  it('ends the session for access and refresh tokens alike, and no other session', () =>
    inWorld({}, async ({ client, bearer }) => {
      const { accessJwt, refreshJwt } = await logIn(client)
      const other = await logIn(client)
      await bearer(refreshJwt).com.atproto.server.deleteSession()
      await expect(bearer(accessJwt).com.atproto.server.getSession()).rejects.toMatchObject(INVALID)
      await expect(bearer(refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject(INVALID)
      expect((await bearer(other.accessJwt).com.atproto.server.getSession()).handle).toBe(HANDLE)
    }))

  it('answers InvalidToken where the session is over, and to an access token', () =>
    inWorld({}, async ({ client, bearer }) => {
      const { accessJwt, refreshJwt } = await logIn(client)
      await expect(bearer(accessJwt).com.atproto.server.deleteSession()).rejects.toMatchObject(INVALID)
      await bearer(refreshJwt).com.atproto.server.deleteSession()
      await expect(bearer(refreshJwt).com.atproto.server.deleteSession()).rejects.toMatchObject(INVALID)
    }))

  it('answers ExpiredToken after three months', () =>
    inWorld({}, async ({ client, bearer, clock }) => {
      const { refreshJwt } = await logIn(client)
      clock.now += 91 * 86400_000
      await expect(bearer(refreshJwt).com.atproto.server.deleteSession()).rejects.toMatchObject({
        status: 400,
        error: 'ExpiredToken',
      })
    }))
})

describe('getSession', () => {
  it('takes an access token for two hours, then answers 400 ExpiredToken', () =>
    inWorld({}, async ({ client, bearer, clock }) => {
      const { accessJwt } = await logIn(client)
      clock.now += 2 * 3600_000 - 1000
      await bearer(accessJwt).com.atproto.server.getSession()
      clock.now += 1000
      await expect(bearer(accessJwt).com.atproto.server.getSession()).rejects.toMatchObject({
        status: 400,
        error: 'ExpiredToken',
      })
    }))

  it('takes no refresh token', () =>
    inWorld({}, async ({ client, bearer }) => {
      const { refreshJwt } = await logIn(client)
      await expect(bearer(refreshJwt).com.atproto.server.getSession()).rejects.toMatchObject(INVALID)
    }))

  it('leaves didDoc out once the DID names another PDS, and says that the account is active or deactivated', () =>
    inWorld({}, async ({ client, did, ...world }) => {
      const owner = await world.signIn()
      expect((await owner.com.atproto.server.getSession()).didDoc).toMatchObject({ id: did })
      const mover = world.bearer(await world.mint(targeted))
      const { operation } = await mover.com.atproto.identity.signPlcOperation({ services: pdsAt(TARGET) })
      await world.directory.add(did, operation)
      expect(await owner.com.atproto.server.getSession()).toEqual({ did, handle: HANDLE, active: true })
      await owner.com.atproto.server.deactivateAccount()
      const old = await logIn(client)
      expect(old).toMatchObject({ active: false, status: 'deactivated' })
      expect(old.didDoc).toBeUndefined()
    }))
})

describe('a session', () => {
  it('is over once the owner sets another password, and only then', () =>
    inWorld({}, async ({ client, bearer, ...world }) => {
      const { accessJwt, refreshJwt } = await logIn(client)
      const token = await world.mint()
      await world.restart()
      await bearer(accessJwt).com.atproto.server.getSession()
      const hash = await hashPassword(new Secret('a new password'), new Uint8Array(16))
      await world.restart({ PASSWORD_HASH: hash })
      const over = { ...INVALID, message: expect.stringContaining('sign in again') }
      await expect(bearer(accessJwt).com.atproto.server.getSession()).rejects.toMatchObject(over)
      await expect(bearer(refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject(over)
      await expect(bearer(refreshJwt).com.atproto.server.deleteSession()).rejects.toMatchObject(over)
      await expect(logIn(client)).rejects.toMatchObject({ error: 'AuthenticationRequired' })
      const session = await logIn(client, HANDLE, 'a new password')
      await bearer(session.accessJwt).com.atproto.server.getSession()
      // Migration tokens are the administrator's.
      expect((await bearer(token).com.atproto.server.checkAccountStatus()).activated).toBe(true)
    }))
})
