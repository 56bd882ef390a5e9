import { describe, expect, it } from 'vitest'
import { sha256 } from '../../webauthn/support/authenticator.ts'
import { addPasskey, ceremony, registrationOptions } from '../../account/oauth/passkeys/support/ceremonies.ts'
import { createAuthenticator } from '../../webauthn/support/authenticator.ts'
import { failure, logIn } from '../support/calls.ts'
import { inWorld, type World } from '../support/world.ts'

const iso = (ms: number): string => new Date(ms).toISOString()

describe('createPasskeyLink', () => {
  it('gives a link that registers a passkey', () =>
    inWorld({}, async ({ account, admin, clock }) => {
      const { url, expiresAt } = await admin.com.cirrus.admin.createPasskeyLink()
      expect(expiresAt).toBe(iso(clock.now + 10 * 60_000))
      const { passkeys } = account.oauth
      const link = new URL(url).hash.slice(1)
      const answer = createAuthenticator().register(ceremony(registrationOptions(passkeys, link)))
      await passkeys.register(link, 'laptop', answer)
      expect((await admin.com.cirrus.admin.listPasskeys()).passkeys).toMatchObject([{ name: 'laptop' }])
    }))

  it('PasskeysUnavailable: on a server that has only an address', () =>
    inWorld(
      { env: { HOSTNAME: '127.0.0.1:8787', DEV: 'true' }, endpoint: 'http://127.0.0.1:8787' },
      async ({ admin }) => {
        expect(await failure(admin.com.cirrus.admin.createPasskeyLink())).toMatchObject({
          error: 'PasskeysUnavailable',
          message: expect.stringContaining('127.0.0.1'),
        })
      },
    ))

  it('TooManyPasskeys: where there are 20', () =>
    inWorld({}, async ({ account, admin }) => {
      for (let i = 0; i < 20; i++) await addPasskey(account.oauth.passkeys, `key ${i}`, sha256(`${i}`))
      expect(await failure(admin.com.cirrus.admin.createPasskeyLink())).toMatchObject({
        error: 'TooManyPasskeys',
      })
    }))
})

describe('a link that waits', () => {
  it.each<[string, (world: World) => Promise<unknown>]>([
    ['with every session', ({ admin }) => admin.com.cirrus.admin.endSessions({ all: true })],
    ['with another account password', (world) => world.restart({ SESSION_SECRET: 'y'.repeat(64) })],
  ])('ends %s', (_, end) =>
    inWorld({}, async (world) => {
      const { url } = await world.admin.com.cirrus.admin.createPasskeyLink()
      const link = new URL(url).hash.slice(1)
      const began = ceremony(registrationOptions(world.account.oauth.passkeys, link))
      await end(world)
      const { passkeys } = world.account.oauth
      const refused = { code: 'LinkNotFound' }
      expect(() => passkeys.registrationOptions(link)).toThrow(expect.objectContaining(refused))
      const answer = createAuthenticator().register(began)
      await expect(passkeys.register(link, 'laptop', answer)).rejects.toMatchObject(refused)
    }),
  )
})

describe('listPasskeys', () => {
  it('has name, id and times, whether it is synced, and whether the password opens sessions', () =>
    inWorld({}, async ({ account, admin, clock }) => {
      expect(await admin.com.cirrus.admin.listPasskeys()).toEqual({ passkeys: [], passwordSignIn: true })
      const { id } = await addPasskey(account.oauth.passkeys)
      expect(await admin.com.cirrus.admin.listPasskeys()).toEqual({
        passkeys: [{ id, name: 'laptop', backup: 'device', createdAt: iso(clock.now) }],
        passwordSignIn: true,
      })
      account.sql.run('UPDATE passkey SET backup = NULL, last_used_at = ?', clock.now)
      expect((await admin.com.cirrus.admin.listPasskeys()).passkeys).toEqual([
        { id, name: 'laptop', createdAt: iso(clock.now), lastUsedAt: iso(clock.now) },
      ])
    }))
})

describe('removePasskey', () => {
  it('removes one, and says whether the password opens sessions now', () =>
    inWorld({}, async ({ account, admin, client }) => {
      const { passkeys } = account.oauth
      const [first, second] = [
        await addPasskey(passkeys, 'a', sha256('1')),
        await addPasskey(passkeys, 'b', sha256('2')),
      ]
      passkeys.setPasswordEnabled(false, 'owner')
      const remove = (id: string) => admin.com.cirrus.admin.removePasskey({ id })
      expect(await remove(first.id)).toEqual({ passwordSignIn: false })
      expect(await remove(second.id)).toEqual({ passwordSignIn: true })
      await logIn(client)
    }))

  it('PasskeyNotFound: where there is none with this id', () =>
    inWorld({}, async ({ admin }) => {
      expect(await failure(admin.com.cirrus.admin.removePasskey({ id: 'nobody' }))).toMatchObject({
        error: 'PasskeyNotFound',
        message: expect.stringContaining('"nobody"'),
      })
    }))
})

describe('setPasswordSignIn', () => {
  it('switches the password off and on again, with no device at hand', () =>
    inWorld({}, async ({ account, admin, client }) => {
      await addPasskey(account.oauth.passkeys)
      expect(await admin.com.cirrus.admin.setPasswordSignIn({ enabled: false })).toEqual({ enabled: false })
      expect(await failure(logIn(client))).toMatchObject({ error: 'AuthenticationRequired' })
      expect(await admin.com.cirrus.admin.setPasswordSignIn({ enabled: true })).toEqual({ enabled: true })
      await logIn(client)
    }))

  it('leaves open sessions as they are', () =>
    inWorld({}, async ({ account, admin, signIn }) => {
      const session = await signIn()
      await addPasskey(account.oauth.passkeys)
      await admin.com.cirrus.admin.setPasswordSignIn({ enabled: false })
      expect(await session.com.atproto.server.getSession()).toMatchObject({ active: true })
    }))

  it('NoPasskey: without one, nobody could sign in', () =>
    inWorld({}, async ({ admin }) => {
      expect(await failure(admin.com.cirrus.admin.setPasswordSignIn({ enabled: false }))).toMatchObject({
        error: 'NoPasskey',
      })
      expect(await admin.com.cirrus.admin.setPasswordSignIn({ enabled: true })).toEqual({ enabled: true })
    }))
})
