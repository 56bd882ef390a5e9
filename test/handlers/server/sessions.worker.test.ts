import { describe, expect, it } from 'vitest'
import { hashPassword } from '../../../src/crypto/password.ts'
import { Secret } from '../../../src/crypto/secret.ts'
import { logIn, partOf } from '../support/calls.ts'
import { pdsAt, targeted } from '../support/did.ts'
import { HANDLE, inWorld, PASSWORD, TARGET, type World } from '../support/world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const INVALID = { status: 400, error: 'InvalidToken' }
const ENDED = { status: 400, error: 'ExpiredToken', message: 'this session has ended; sign in again' }

/** The tokens after a refresh, and the token that was used. */
const refreshed = ({ bearer }: World, refreshJwt: string) =>
  bearer(refreshJwt).com.atproto.server.refreshSession()

const isSignedIn = async ({ bearer }: World, accessJwt: string) =>
  (await bearer(accessJwt).com.atproto.server.getSession()).handle === HANDLE

describe('refreshSession', () => {
  it('answers a token that was used with the same successor for two hours, also after a restart', () =>
    inWorld({}, async (world) => {
      const { refreshJwt } = await logIn(world.client)
      world.clock.now += MINUTE_MS
      const first = await refreshed(world, refreshJwt)
      world.clock.now += 2 * HOUR_MS - 1
      await world.restart()
      const again = await refreshed(world, refreshJwt)
      expect(again.refreshJwt).toBe(first.refreshJwt)
      // Another access token: the first is about to expire.
      expect(again.accessJwt).not.toBe(first.accessJwt)
      expect(await isSignedIn(world, again.accessJwt)).toBe(true)
    }))

  it('refuses a token two hours after its first use with ExpiredToken, and the session goes on', () =>
    inWorld({}, async (world) => {
      const { refreshJwt } = await logIn(world.client)
      const next = await refreshed(world, refreshJwt)
      world.clock.now += 2 * HOUR_MS
      await expect(refreshed(world, refreshJwt)).rejects.toMatchObject({
        status: 400,
        error: 'ExpiredToken',
        message: expect.stringContaining('#session-ended'),
      })
      const last = await refreshed(world, next.refreshJwt)
      expect(await isSignedIn(world, last.accessJwt)).toBe(true)
      expect(world.journal()).not.toContain('session-revoked')
    }))

  it('gives each predecessor its own two hours, and brings it the newest token', () =>
    inWorld({}, async (world) => {
      const { refreshJwt: a } = await logIn(world.client)
      const { refreshJwt: b } = await refreshed(world, a)
      world.clock.now += HOUR_MS
      const { refreshJwt: c } = await refreshed(world, b)
      world.clock.now += HOUR_MS - 1
      const late = await refreshed(world, a)
      expect(late.refreshJwt).toBe(c)
      expect(await isSignedIn(world, late.accessJwt)).toBe(true)
      world.clock.now += 1
      await expect(refreshed(world, a)).rejects.toMatchObject({ error: 'ExpiredToken' })
      expect((await refreshed(world, b)).refreshJwt).toBe(c)
      // Using it late has not made its time longer.
      world.clock.now += HOUR_MS
      await expect(refreshed(world, b)).rejects.toMatchObject({ error: 'ExpiredToken' })
      expect((await refreshed(world, c)).refreshJwt).not.toBe(c)
    }))

  it('leads any number of tabs that refresh at once to the same token', () =>
    inWorld({}, async (world) => {
      const { refreshJwt } = await logIn(world.client)
      const tabs = await Promise.all(Array.from({ length: 20 }, () => refreshed(world, refreshJwt)))
      expect(new Set(tabs.map((tab) => tab.refreshJwt)).size).toBe(1)
      for (const { accessJwt } of tabs) expect(await isSignedIn(world, accessJwt)).toBe(true)
    }))

  it('writes one row for a token that is used for the first time, and none for one that was used', () =>
    inWorld({}, async (world) => {
      const { sql } = world.account
      let { refreshJwt } = await logIn(world.client)
      const tokens: string[] = []
      for (let n = 0; n < 300; n++) {
        const before = sql.written
        tokens.push(refreshJwt)
        refreshJwt = (await refreshed(world, refreshJwt)).refreshJwt
        expect(sql.written - before).toBe(1)
        world.clock.now += 1000
      }
      const before = sql.written
      for (const token of tokens) expect((await refreshed(world, token)).refreshJwt).toBe(refreshJwt)
      expect(sql.written).toBe(before)
      // What is over is not kept.
      world.clock.now += 3 * HOUR_MS
      await refreshed(world, refreshJwt)
      expect(sql.first('SELECT older FROM session')).toEqual({ older: null })
    }))

  it('keeps the row of a session small however often it is refreshed', () =>
    inWorld({}, async (world) => {
      const { account } = world
      let { refreshJwt } = await logIn(world.client)
      const first = refreshJwt
      const jtiOf = (token: string) => partOf<{ sid: string; jti: string }>(token, 1)
      for (let n = 0; n < 1100; n++)
        refreshJwt = (await account.sessions.refresh(jtiOf(refreshJwt))).refreshJwt
      const row = account.sql.first<{ bytes: number }>('SELECT length(older) AS bytes FROM session')
      expect(row?.bytes).toBeLessThan(60_000)
      await expect(refreshed(world, first)).rejects.toMatchObject({ error: 'ExpiredToken' })
      await refreshed(world, refreshJwt)
    }))

  it('never accepts a used token beyond its own expiry', () =>
    inWorld({}, async (world) => {
      const { refreshJwt } = await logIn(world.client)
      world.clock.now += 90 * DAY_MS - MINUTE_MS
      await refreshed(world, refreshJwt)
      await refreshed(world, refreshJwt)
      world.clock.now += MINUTE_MS
      await expect(refreshed(world, refreshJwt)).rejects.toMatchObject({ error: 'ExpiredToken' })
    }))

  it('takes the tokens of sessions from before the grace was two hours', () =>
    inWorld({}, async (world) => {
      const { refreshJwt } = await logIn(world.client)
      const next = await refreshed(world, refreshJwt)
      // As the program of schema version 6 left the row.
      world.account.sql.run('UPDATE session SET older = NULL, app_password = NULL')
      world.clock.now += HOUR_MS
      expect((await refreshed(world, refreshJwt)).refreshJwt).toBe(next.refreshJwt)
      const last = await refreshed(world, next.refreshJwt)
      expect((await refreshed(world, refreshJwt)).refreshJwt).toBe(last.refreshJwt)
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
      await expect(bearer(accessJwt).com.atproto.server.getSession()).rejects.toMatchObject(ENDED)
      await expect(bearer(refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject(ENDED)
      expect((await bearer(other.accessJwt).com.atproto.server.getSession()).handle).toBe(HANDLE)
    }))

  it('takes a used token for two hours; one that is used up ends nothing', () =>
    inWorld({}, async (world) => {
      const { refreshJwt } = await logIn(world.client)
      const next = await refreshed(world, refreshJwt)
      world.clock.now += 2 * HOUR_MS
      const last = await refreshed(world, next.refreshJwt)
      await expect(world.bearer(refreshJwt).com.atproto.server.deleteSession()).rejects.toMatchObject({
        error: 'ExpiredToken',
      })
      expect(await isSignedIn(world, last.accessJwt)).toBe(true)
      await world.bearer(next.refreshJwt).com.atproto.server.deleteSession()
      await expect(isSignedIn(world, last.accessJwt)).rejects.toMatchObject(ENDED)
    }))

  it('answers ExpiredToken where the session is over, and InvalidToken to an access token', () =>
    inWorld({}, async ({ client, bearer }) => {
      const { accessJwt, refreshJwt } = await logIn(client)
      await expect(bearer(accessJwt).com.atproto.server.deleteSession()).rejects.toMatchObject(INVALID)
      await bearer(refreshJwt).com.atproto.server.deleteSession()
      await expect(bearer(refreshJwt).com.atproto.server.deleteSession()).rejects.toMatchObject(ENDED)
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

describe('the refusal of a token that has expired', () => {
  // @atcute/client and the clients that are built on it refresh after a body of at most 81 bytes only.
  it.for([
    ['because of its age', ({ clock }: World): void => void (clock.now += 2 * HOUR_MS)],
    ['with its session', ({ account }: World): void => void account.sessions.endAll('test')],
  ] as const)('%s is short', ([, expire]) =>
    inWorld({}, async (world) => {
      const { accessJwt } = await logIn(world.client)
      expire(world)
      for (const path of ['com.atproto.server.getSession', 'app.bsky.feed.getTimeline']) {
        const headers = { authorization: `Bearer ${accessJwt}` }
        const answer = await world.fetch(`/xrpc/${path}`, { headers })
        const body = await answer.text()
        expect(JSON.parse(body)).toMatchObject({ error: 'ExpiredToken' })
        expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'application/json'])
        expect(body.length).toBeLessThanOrEqual(81)
      }
    }),
  )
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
      expect(await owner.com.atproto.server.getSession()).toEqual({
        did,
        handle: HANDLE,
        emailConfirmed: false,
        active: true,
      })
      await owner.com.atproto.server.deactivateAccount()
      const old = await logIn(client)
      expect(old).toMatchObject({ active: false, status: 'deactivated' })
      expect(old.didDoc).toBeUndefined()
    }))
})

describe('the e-mail address', () => {
  const EMAIL = 'Alice@Example.com'

  it('is in every answer about a session where EMAIL is set, as confirmed; app passwords see it too', () =>
    inWorld({}, async (world) => {
      await world.restart({ EMAIL })
      const want = { email: EMAIL, emailConfirmed: true }
      const app = await world.admin.com.atproto.server.createAppPassword({ name: 'app' })
      for (const password of [PASSWORD, app.password]) {
        const session = await logIn(world.client, HANDLE, password)
        expect(session).toMatchObject(want)
        expect(await world.bearer(session.accessJwt).com.atproto.server.getSession()).toMatchObject(want)
        expect(await refreshed(world, session.refreshJwt)).toMatchObject(want)
      }
    }))

  it('is absent and not confirmed where EMAIL is not set', () =>
    inWorld({}, async (world) => {
      for (const EMAIL of [undefined, '', ' ']) {
        await world.restart(EMAIL === undefined ? {} : { EMAIL })
        const session = await logIn(world.client)
        expect(session.emailConfirmed).toBe(false)
        expect(session).not.toHaveProperty('email')
      }
      await expect(logIn(world.client, '')).rejects.toMatchObject({ error: 'AuthenticationRequired' })
    }))

  it('signs in, in any case, with each kind of password', () =>
    inWorld({}, async (world) => {
      await expect(logIn(world.client, EMAIL)).rejects.toMatchObject({ error: 'AuthenticationRequired' })
      await world.restart({ EMAIL })
      const app = await world.admin.com.atproto.server.createAppPassword({ name: 'app' })
      for (const identifier of [EMAIL, EMAIL.toLowerCase(), ` ${EMAIL.toUpperCase()} `])
        for (const password of [PASSWORD, app.password])
          expect((await logIn(world.client, identifier, password)).did).toBe(world.did)
      await expect(logIn(world.client, 'bob@example.com')).rejects.toMatchObject({
        error: 'AuthenticationRequired',
      })
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
      await expect(bearer(accessJwt).com.atproto.server.getSession()).rejects.toMatchObject(ENDED)
      await expect(bearer(refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject(ENDED)
      await expect(bearer(refreshJwt).com.atproto.server.deleteSession()).rejects.toMatchObject(ENDED)
      await expect(logIn(client)).rejects.toMatchObject({ error: 'AuthenticationRequired' })
      const session = await logIn(client, HANDLE, 'a new password')
      await bearer(session.accessJwt).com.atproto.server.getSession()
      // Migration tokens are the administrator's.
      expect((await bearer(token).com.atproto.server.checkAccountStatus()).activated).toBe(true)
    }))
})
