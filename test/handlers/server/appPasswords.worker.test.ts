/** App passwords: what is made, what their sessions are, and how they end. */
import { describe, expect, it } from 'vitest'
import { failure, logIn, partOf, post } from '../support/calls.ts'
import { HANDLE, inWorld, PASSWORD, type World } from '../support/world.ts'

const DAY_MS = 86400_000
const INVALID_TOKEN = { status: 400, error: 'InvalidToken' }
const ENDED = { status: 400, error: 'ExpiredToken' }
const WRONG = { status: 401, error: 'AuthenticationRequired', message: 'Invalid identifier or password' }

const scopeOf = (token: string) => partOf<{ scope: string }>(token, 1).scope

const made = async ({ signIn }: World, name = 'phone', privileged?: boolean) => {
  const { server } = (await signIn()).com.atproto
  return await server.createAppPassword({ name, ...(privileged !== undefined && { privileged }) })
}

describe('createAppPassword', () => {
  it('gives a password of four groups, once, and keeps a hash only', () =>
    inWorld({}, async (world) => {
      const answer = await made(world)
      expect(answer).toEqual({
        name: 'phone',
        password: expect.stringMatching(/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/),
        createdAt: new Date(world.clock.now).toISOString(),
        privileged: false,
      })
      const rows = JSON.stringify(world.account.sql.all('SELECT * FROM app_password'))
      const journal = JSON.stringify(world.account.journal.page({ limit: 100 }))
      for (const part of [answer.password, answer.password.replaceAll('-', '')]) {
        expect(rows).not.toContain(part)
        expect(journal).not.toContain(part)
      }
      expect(world.account.journal.page({ limit: 1 }).entries).toMatchObject([
        { event: 'create-app-password', detail: { name: 'phone', privileged: false, by: 'session' } },
      ])
    }))

  it('makes another password each time', () =>
    inWorld({}, async (world) => {
      const { server } = world.admin.com.atproto
      const passwords = new Set<string>()
      for (let n = 0; n < 50; n++) passwords.add((await server.createAppPassword({ name: `${n}` })).password)
      expect(passwords.size).toBe(50)
    }))

  it('answers InvalidRequest to a name that is taken, and leaves the first password as it is', () =>
    inWorld({}, async (world) => {
      const first = await made(world)
      await expect(made(world, 'phone', true)).rejects.toMatchObject({
        status: 400,
        error: 'InvalidRequest',
        message: expect.stringContaining('"phone"'),
      })
      expect(scopeOf((await logIn(world.client, HANDLE, first.password)).accessJwt)).toBe(
        'com.atproto.appPass',
      )
    }))

  it.each([
    ...['', ' ', ' phone', 'phone\n', 'a\u001b[2Jb', 'a\u202eb', 'x'.repeat(101)],
    ...['\u3164', '\u2800', 'a\u115f', '\u200d', '\ufe0f', 'phone\u034f', 'a\u{e0061}'],
  ])('answers InvalidRequest to the name %j', (name) =>
    inWorld({}, async (world) => {
      await expect(made(world, name)).rejects.toMatchObject({ status: 400, error: 'InvalidRequest' })
    }),
  )

  it.each(['x'.repeat(100), 'Graysky (Pixel 9)', 'é 日本 👩‍💻', '❤️', '+1'])('takes the name %j', (name) =>
    inWorld({}, async (world) => {
      expect((await made(world, name)).name).toBe(name)
    }),
  )

  it('makes one name of what looks the same', () =>
    inWorld({}, async (world) => {
      const { password } = await made(world, 'cafe\u0301')
      const { server } = world.admin.com.atproto
      expect((await server.listAppPasswords()).passwords).toMatchObject([{ name: 'caf\u00e9' }])
      await expect(made(world, 'caf\u00e9')).rejects.toMatchObject({ error: 'InvalidRequest' })
      await server.revokeAppPassword({ name: 'cafe\u0301' })
      await expect(logIn(world.client, HANDLE, password)).rejects.toMatchObject(WRONG)
    }))

  it('makes a hundred at most', () =>
    inWorld({}, async (world) => {
      for (let n = 0; n < 100; n++)
        world.account.appPasswords.create({ name: `${n}`, privileged: false, by: 'admin' })
      await expect(made(world)).rejects.toMatchObject({ status: 400, error: 'InvalidRequest' })
      await world.admin.com.atproto.server.revokeAppPassword({ name: '7' })
      await made(world)
    }))

  it('makes none before the account was activated', () =>
    inWorld({ active: false }, async ({ admin, account }) => {
      await account.repo.create()
      account.sql.run("UPDATE account SET state = 'deactivated'")
      await expect(admin.com.atproto.server.createAppPassword({ name: 'x' })).rejects.toMatchObject({
        error: 'AccountDeactivated',
      })
    }))
})

describe('listAppPasswords', () => {
  it('lists them, the newest first, without the passwords', () =>
    inWorld({}, async (world) => {
      const first = await made(world)
      world.clock.now += 1000
      const second = await made(world, 'chat', true)
      const owner = await world.signIn()
      expect(await owner.com.atproto.server.listAppPasswords()).toEqual({
        passwords: [
          { name: 'chat', createdAt: second.createdAt, privileged: true },
          { name: 'phone', createdAt: first.createdAt, privileged: false },
        ],
      })
      expect(await world.admin.com.atproto.server.listAppPasswords()).toMatchObject({
        passwords: [{ name: 'chat' }, { name: 'phone' }],
      })
    }))
})

describe('a session of an app password', () => {
  it.each([
    [false, 'com.atproto.appPass'],
    [true, 'com.atproto.appPassPrivileged'],
  ])('has the scope of its kind, also after refreshes (privileged: %j)', (privileged, scope) =>
    inWorld({}, async (world) => {
      const { password } = await made(world, 'phone', privileged)
      let session = await logIn(world.client, HANDLE, password)
      expect(session).toMatchObject({ did: world.did, handle: HANDLE, active: true })
      for (let n = 0; n < 3; n++) {
        expect(scopeOf(session.accessJwt)).toBe(scope)
        expect(scopeOf(session.refreshJwt)).toBe('com.atproto.refresh')
        await post(world.bearer(session.accessJwt), world.did)
        await world.restart()
        world.clock.now += DAY_MS
        const used = session.refreshJwt
        const next = await world.bearer(used).com.atproto.server.refreshSession()
        // The token that was used already brings the same kind.
        expect(scopeOf((await world.bearer(used).com.atproto.server.refreshSession()).accessJwt)).toBe(scope)
        session = { ...session, ...next }
      }
    }),
  )

  it('may not make, list or revoke app passwords', () =>
    inWorld({}, async (world) => {
      for (const privileged of [false, true]) {
        const { password } = await made(world, `p ${privileged}`, privileged)
        const { server } = world.bearer((await logIn(world.client, HANDLE, password)).accessJwt).com.atproto
        for (const call of [
          () => server.createAppPassword({ name: 'more' }),
          () => server.listAppPasswords(),
          () => server.revokeAppPassword({ name: 'p false' }),
          () => server.deactivateAccount({}),
        ])
          await expect(call()).rejects.toMatchObject(INVALID_TOKEN)
      }
      expect(world.account.appPasswords.list()).toHaveLength(2)
    }))

  it('is shown with the name of its password', () =>
    inWorld({}, async (world) => {
      const { password } = await made(world)
      world.clock.now += 1
      await logIn(world.client, HANDLE, password)
      const { sessions } = await world.admin.com.cirrus.admin.listSessions()
      expect(sessions.map(({ appPassword }) => appPassword)).toEqual(['phone', undefined])
      expect(world.account.journal.page({ limit: 1 }).entries).toMatchObject([
        { event: 'sign-in', detail: { appPassword: 'phone' } },
      ])
    }))

  it('is one of a thousand of its password; the one that was not used for the longest time ends', () =>
    inWorld({}, async ({ account, clock }) => {
      const { appPasswords, sessions, sql } = account
      const bot = appPasswords.create({ name: 'bot', privileged: false, by: 'admin' })
      const ownersSession = await sessions.create({ via: 'createSession' })
      for (let n = 0; n < 1001; n++) {
        clock.now += 1
        await sessions.create({ via: 'createSession', appPassword: bot })
      }
      expect(sql.first('SELECT count(*) AS n FROM session WHERE app_password = ?', 'bot')).toEqual({
        n: 1000,
      })
      expect(sessions.exists(partOf<{ sid: string }>(ownersSession.accessJwt, 1).sid)).toBe(true)
    }))
})

describe('revokeAppPassword', () => {
  it('ends the sessions of the password at once, and no others; it does not sign in any more', () =>
    inWorld({}, async (world) => {
      const { password } = await made(world)
      const other = await made(world, 'tablet')
      const lost = [await logIn(world.client, HANDLE, password), await logIn(world.client, HANDLE, password)]
      const kept = await logIn(world.client, HANDLE, other.password)
      const owner = await world.signIn()
      await owner.com.atproto.server.revokeAppPassword({ name: 'phone' })
      for (const { accessJwt, refreshJwt } of lost) {
        await expect(world.bearer(accessJwt).com.atproto.server.getSession()).rejects.toMatchObject(ENDED)
        await expect(post(world.bearer(accessJwt), world.did)).rejects.toMatchObject(ENDED)
        await expect(world.bearer(refreshJwt).com.atproto.server.refreshSession()).rejects.toMatchObject(
          ENDED,
        )
      }
      await post(world.bearer(kept.accessJwt), world.did)
      await owner.com.atproto.server.getSession()
      expect(world.account.journal.page({ limit: 1 }).entries).toMatchObject([
        { event: 'revoke-app-password', detail: { name: 'phone', by: 'session', ended: 2 } },
      ])
      await expect(logIn(world.client, HANDLE, password)).rejects.toMatchObject(WRONG)
      // The name is free; what was opened under it before stays ended.
      await made(world)
      await expect(
        world.bearer(lost[0]?.accessJwt ?? '').com.atproto.server.getSession(),
      ).rejects.toMatchObject(ENDED)
    }))

  it('answers the same where there is none of this name, and writes nothing', () =>
    inWorld({}, async ({ admin, account }) => {
      const { written } = account.sql
      await admin.com.atproto.server.revokeAppPassword({ name: 'nobody' })
      expect(account.sql.written).toBe(written)
    }))

  it('stops a write that is under way: it asks again in its transaction', () =>
    inWorld({}, async (world) => {
      const { password } = await made(world)
      const { accessJwt } = await logIn(world.client, HANDLE, password)
      const before = world.account.counts()
      const gate = Promise.withResolvers<void>()
      const holding = world.account.repo.exclusive(() => gate.promise)
      const writing = failure(post(world.bearer(accessJwt), world.did))
      await new Promise((resolve) => setTimeout(resolve, 20))
      world.account.appPasswords.revoke('phone', 'admin')
      gate.resolve()
      await holding
      expect(await writing).toMatchObject(ENDED)
      expect(world.account.counts()).toEqual(before)
    }))
})

describe('signing in with an app password', () => {
  it('asks for no scrypt, takes capitals and spaces around it, and needs the right identifier', () =>
    inWorld({}, async (world) => {
      const { password } = await made(world)
      world.checks.length = 0
      for (const typed of [password, password.toUpperCase(), ` ${password}\n`])
        await logIn(world.client, HANDLE, typed)
      expect(world.checks).toEqual([])
      await expect(logIn(world.client, 'bob.example.com', password)).rejects.toMatchObject(WRONG)
      // As long as any wrong one.
      expect(world.checks).toHaveLength(1)
    }))

  it('answers a wrong one as a wrong account password, after the same check', () =>
    inWorld({}, async (world) => {
      await made(world)
      world.checks.length = 0
      const [app, account] = [
        await failure(logIn(world.client, HANDLE, 'aaaa-bbbb-cccc-dddd')),
        await failure(logIn(world.client, HANDLE, 'wrong')),
      ]
      expect(app).toMatchObject(WRONG)
      expect({ ...app, headers: undefined }).toEqual({ ...account, headers: undefined })
      expect(world.checks).toHaveLength(2)
      expect(world.journal().filter((event) => event === 'failed-sign-in')).toHaveLength(2)
    }))

  it('counts among the sign-ins of a network, right or wrong', () =>
    inWorld({}, async (world) => {
      const { password } = await made(world)
      for (let n = 0; n < 14; n++) await failure(logIn(world.client, HANDLE, 'aaaa-bbbb-cccc-dddd'))
      for (let n = 0; n < 15; n++) await logIn(world.client, HANDLE, password)
      await expect(logIn(world.client, HANDLE, password)).rejects.toMatchObject({
        status: 429,
        error: 'RateLimitExceeded',
      })
    }))

  it('works while three passwords are being checked', () =>
    inWorld({}, async (world) => {
      const { password } = await made(world)
      const gate = Promise.withResolvers<void>()
      world.whileChecking = () => gate.promise
      const guesses = ['a', 'b', 'c'].map((guess) => failure(logIn(world.client, HANDLE, guess)))
      await logIn(world.client, HANDLE, password)
      gate.resolve()
      await Promise.all(guesses)
    }))

  it('does not end the count of failed sign-ins, which the owner is shown', () =>
    inWorld({}, async (world) => {
      const { password } = await made(world)
      await failure(logIn(world.client, HANDLE, 'wrong'))
      await logIn(world.client, HANDLE, password)
      expect((await world.admin.com.cirrus.admin.getStatus()).signIns?.failedInARow).toBe(1)
      await logIn(world.client, HANDLE, PASSWORD)
      expect((await world.admin.com.cirrus.admin.getStatus()).signIns?.failedInARow).toBe(0)
    }))
})
