import { describe, expect, it } from 'vitest'
import { hashPassword } from '../../../src/crypto/password.ts'
import { Secret } from '../../../src/crypto/secret.ts'
import { logIn } from '../support/calls.ts'
import { HANDLE, inWorld, PASSWORD, type World } from '../support/world.ts'

const DAY_MS = 86400_000
const ENDED = { error: 'ExpiredToken', message: 'this session has ended; sign in again' }

const signInWith = async ({ fetch }: World, userAgent: string | undefined) => {
  const response = await fetch('/xrpc/com.atproto.server.createSession', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(userAgent !== undefined && { 'user-agent': userAgent }),
    },
    body: JSON.stringify({ identifier: HANDLE, password: PASSWORD }),
  })
  return (await response.json()) as { accessJwt: string; refreshJwt: string }
}
const listed = async ({ admin }: World) => (await admin.com.cirrus.admin.listSessions()).sessions

describe('listSessions', () => {
  it('shows the client of each sign-in, since when, and when it was last used', () =>
    inWorld({}, async (world) => {
      const began = new Date(world.clock.now).toISOString()
      const { refreshJwt } = await signInWith(world, 'Graysky/1.0\t(Pixel 9)')
      world.clock.now += DAY_MS
      await signInWith(world, undefined)
      world.clock.now += DAY_MS
      await world.bearer(refreshJwt).com.atproto.server.refreshSession()
      const [phone, other, ...rest] = await listed(world)
      expect(rest).toEqual([])
      expect(phone).toEqual({
        id: expect.stringMatching(/^[\w-]{16,64}$/),
        client: 'Graysky/1.0 (Pixel 9)',
        via: 'createSession',
        createdAt: began,
        lastUsedAt: new Date(world.clock.now).toISOString(),
        expiresAt: expect.any(String),
      })
      expect(Date.parse(phone?.expiresAt ?? '')).toBeGreaterThan(world.clock.now + 80 * DAY_MS)
      expect(other).not.toHaveProperty('client')
      expect(other?.lastUsedAt).toBe(other?.createdAt)
    }))

  it('writes no row when a session is used, whatever opened it', () =>
    inWorld({}, async (world) => {
      const app = await world.admin.com.atproto.server.createAppPassword({ name: 'app' })
      for (const password of [PASSWORD, app.password]) {
        const { accessJwt } = await logIn(world.client, HANDLE, password)
        const written = world.account.sql.written
        await world.bearer(accessJwt).com.atproto.server.getSession()
        await world.bearer(accessJwt).app.bsky.actor.getPreferences()
        expect(world.account.sql.written).toBe(written)
      }
    }))

  it('leaves out all of them once the account has another password: no token of theirs is accepted', () =>
    inWorld({}, async (world) => {
      const { refreshJwt } = await logIn(world.client)
      await world.restart()
      expect(await listed(world)).toHaveLength(1)
      const PASSWORD_HASH = await hashPassword(new Secret('another password'), new Uint8Array(16))
      world.clock.now += 1000
      await world.restart({ PASSWORD_HASH })
      expect(await listed(world)).toEqual([])
      await expect(world.bearer(refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject({
        error: 'ExpiredToken',
      })
    }))

  it('leaves out sessions that have expired or were signed out', () =>
    inWorld({}, async (world) => {
      await logIn(world.client)
      world.clock.now += 91 * DAY_MS
      expect(await listed(world)).toEqual([])
      const { refreshJwt } = await logIn(world.client)
      expect(await listed(world)).toHaveLength(1)
      await world.bearer(refreshJwt).com.atproto.server.deleteSession()
      expect(await listed(world)).toEqual([])
    }))
})

describe('endSessions', () => {
  it('ends one session at once, and no other', () =>
    inWorld({}, async (world) => {
      const lost = await logIn(world.client)
      world.clock.now += 1
      const kept = await logIn(world.client)
      const { id = '' } = (await listed(world))[1] ?? {}
      expect(await world.admin.com.cirrus.admin.endSessions({ id })).toEqual({ ended: 1 })
      await expect(world.bearer(lost.accessJwt).com.atproto.server.getSession()).rejects.toMatchObject(ENDED)
      await expect(world.bearer(lost.refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject(
        ENDED,
      )
      await world.bearer(kept.accessJwt).com.atproto.server.getSession()
      expect(world.account.journal.page({ limit: 1 }).entries).toMatchObject([
        { event: 'end-sessions', detail: { reason: 'admin', ended: 1, session: id } },
      ])
      await expect(world.admin.com.cirrus.admin.endSessions({ id })).rejects.toMatchObject({
        error: 'SessionNotFound',
      })
    }))

  it('ends all of them', () =>
    inWorld({}, async (world) => {
      const sessions = [await logIn(world.client), await logIn(world.client)]
      expect(await world.admin.com.cirrus.admin.endSessions({ all: true })).toEqual({
        ended: 2,
        grants: 0,
        browsers: 0,
      })
      for (const { accessJwt } of sessions)
        await expect(world.bearer(accessJwt).com.atproto.server.getSession()).rejects.toMatchObject(ENDED)
      expect(await listed(world)).toEqual([])
      expect(world.journal().at(-1)).toBe('end-sessions')
      expect(await world.admin.com.cirrus.admin.endSessions({ all: true })).toEqual({
        ended: 0,
        grants: 0,
        browsers: 0,
      })
    }))

  it('signs the owner out in one browser, which listSessions names', () =>
    inWorld({}, async (world) => {
      const { browserSignIns } = world.account.oauth
      const { clock, admin } = world
      const began = clock.now
      browserSignIns.open({ via: 'password', remember: false, client: undefined })
      clock.now += 1000
      browserSignIns.open({ via: 'passkey', remember: true, client: 'Firefox' })
      const { browsers = [] } = await admin.com.cirrus.admin.listSessions()
      expect(browsers).toEqual([
        {
          id: expect.stringMatching(/^[\w-]{43}$/),
          client: 'Firefox',
          via: 'passkey',
          remembered: true,
          createdAt: new Date(clock.now).toISOString(),
          expiresAt: new Date(clock.now + 7 * DAY_MS).toISOString(),
        },
        {
          id: expect.any(String),
          via: 'password',
          remembered: false,
          createdAt: new Date(began).toISOString(),
          expiresAt: new Date(began + 15 * 60_000).toISOString(),
        },
      ])
      const id = browsers[0]?.id ?? ''
      expect(await admin.com.cirrus.admin.endSessions({ id })).toEqual({ ended: 0, browsers: 1 })
      expect(browserSignIns.list()).toMatchObject([{ via: 'password' }])
      expect(world.journal().at(-1)).toBe('end-browser')
      await expect(admin.com.cirrus.admin.endSessions({ id })).rejects.toMatchObject({
        error: 'SessionNotFound',
      })
    }))

  it.each([{}, { all: false }, { id: 'x', all: true }])('answers InvalidRequest to %j', (input) =>
    inWorld({}, async ({ admin, client }) => {
      await logIn(client)
      await expect(admin.com.cirrus.admin.endSessions(input)).rejects.toMatchObject({
        error: 'InvalidRequest',
        message: expect.stringContaining('either'),
      })
    }),
  )

  it('answers SessionNotFound to an id that no session has', () =>
    inWorld({}, async ({ admin }) => {
      await expect(admin.com.cirrus.admin.endSessions({ id: 'nobody' })).rejects.toMatchObject({
        status: 400,
        error: 'SessionNotFound',
      })
    }))
})
