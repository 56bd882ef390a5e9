import { describe, expect, it } from 'vitest'
import { createAuthenticator, FLAGS, sha256 } from '../../../webauthn/support/authenticator.ts'
import { failure, logIn } from '../../../handlers/support/calls.ts'
import { HANDLE, inWorld, type World } from '../../../handlers/support/world.ts'
import {
  addPasskey,
  ceremony,
  newLink,
  registrationOptions,
  RP_ID,
  signInOptions,
} from './support/ceremonies.ts'

const MINUTE_MS = 60_000

/** A world with passkeys, and its clock a little later than what was registered. */
const withPasskeys = (work: (world: World) => Promise<void>) => inWorld({}, work)
const last = ({ account }: World) => account.journal.recent(1)[0]

describe('a link', () => {
  it('leads to the page with its secret as the fragment, and only the hash of it is kept', () =>
    withPasskeys(async ({ account, clock }) => {
      const { url, expiresAt } = account.oauth.passkeys.createLink()
      expect(url).toMatch(/^https:\/\/cirrus\.example\.com\/account\/passkeys\/register#[0-9a-f]{32}$/)
      expect(expiresAt).toBe(clock.now + 10 * MINUTE_MS)
      const secret = new URL(url).hash.slice(1)
      expect(JSON.stringify(account.sql.all('SELECT * FROM passkey_link'))).not.toContain(secret)
      expect(JSON.stringify(account.journal.recent(10))).not.toContain(secret)
      expect(account.journal.recent(1)).toMatchObject([
        { event: 'create-passkey-link', detail: { by: 'admin' } },
      ])
    }))

  it('registers one passkey, and no second one', () =>
    withPasskeys(async (world) => {
      const { passkeys } = world.account.oauth
      const link = newLink(passkeys)
      const [first, second] = [createAuthenticator(), createAuthenticator('Ed25519')]
      const options = registrationOptions(passkeys, link)
      const added = await passkeys.register(link, 'laptop', first.register(ceremony(options)))
      expect(added).toEqual({
        id: first.id,
        name: 'laptop',
        backup: 'device',
        createdAt: world.clock.now,
        lastUsedAt: undefined,
      })
      expect(last(world)).toMatchObject({ event: 'add-passkey', detail: { id: first.id, name: 'laptop' } })
      await expect(
        passkeys.register(link, 'phone', second.register(ceremony(options))),
      ).rejects.toMatchObject({ code: 'LinkNotFound' })
      expect(() => passkeys.registrationOptions(link)).toThrow(/used already/)
      expect(passkeys.list()).toEqual([added])
    }))

  it('registers one passkey even if two answers arrive at once', () =>
    withPasskeys(async ({ account }) => {
      const { passkeys } = account.oauth
      const link = newLink(passkeys)
      const options = registrationOptions(passkeys, link)
      const answers = [createAuthenticator(), createAuthenticator('Ed25519')].map((each) =>
        passkeys.register(link, 'x', each.register(ceremony(options))),
      )
      const results = await Promise.allSettled(answers)
      expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
      expect(passkeys.list()).toHaveLength(1)
    }))

  it('is worth nothing after 10 minutes, and is forgotten when the next one is made', () =>
    withPasskeys(async ({ account, clock }) => {
      const { passkeys } = account.oauth
      const link = newLink(passkeys)
      clock.now += 10 * MINUTE_MS - 1
      const options = registrationOptions(passkeys, link)
      clock.now += 1
      expect(() => passkeys.registrationOptions(link)).toThrow(/older than 10 minutes/)
      await expect(
        passkeys.register(link, 'x', createAuthenticator().register(ceremony(options))),
      ).rejects.toMatchObject({ code: 'LinkNotFound' })
      newLink(passkeys)
      expect(account.sql.all('SELECT id FROM passkey_link')).toHaveLength(1)
    }))

  it('that was made up is refused', () =>
    withPasskeys(async ({ account }) => {
      for (const link of ['', 'x', '0'.repeat(32), 'x'.repeat(100_000)])
        expect(() => account.oauth.passkeys.registrationOptions(link)).toThrow(/this link/)
    }))

  it('is not made on a server that has only an address', async () => {
    for (const HOSTNAME of ['127.0.0.1:8787', '192.0.2.1'])
      await inWorld({ active: false, env: { HOSTNAME, DEV: 'true' } }, async ({ account }) => {
        expect(() => account.oauth.passkeys.createLink()).toThrow(/passkeys belong to a host name/)
        expect(account.oauth.passkeys.signInOptions()).toBeUndefined()
      })
  })
})

describe('a registration', () => {
  it('asks for a passkey of this host name that verifies its owner, without attestation', () =>
    withPasskeys(async ({ account }) => {
      const { passkeys } = account.oauth
      const { id } = await addPasskey(passkeys)
      const { challenge, ...options } = registrationOptions(passkeys, newLink(passkeys))
      expect(challenge).toMatch(/^[\w-]{72}$/)
      expect(options).toEqual({
        rp: { id: RP_ID, name: RP_ID },
        user: { id: expect.stringMatching(/^[\w-]{43}$/), name: HANDLE, displayName: HANDLE },
        pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: 'public-key', alg })),
        timeout: 5 * MINUTE_MS,
        excludeCredentials: [{ type: 'public-key', id }],
        authenticatorSelection: {
          residentKey: 'required',
          requireResidentKey: true,
          userVerification: 'required',
        },
        attestation: 'none',
      })
    }))

  it('takes the challenge of its own link only, for 5 minutes', () =>
    withPasskeys(async ({ account, clock }) => {
      const { passkeys } = account.oauth
      await addPasskey(passkeys, 'another', sha256('another'))
      const [link, other] = [newLink(passkeys), newLink(passkeys)]
      const wrong = [
        registrationOptions(passkeys, other).challenge,
        signInOptions(passkeys).challenge,
        'AAAA',
        '',
        registrationOptions(passkeys, link).challenge.slice(1),
      ]
      for (const challenge of wrong)
        await expect(
          passkeys.register(link, 'x', createAuthenticator().register(ceremony({ challenge }))),
        ).rejects.toMatchObject({ code: 'WrongChallenge' })
      const right = registrationOptions(passkeys, link)
      clock.now += 5 * MINUTE_MS
      await expect(
        passkeys.register(link, 'x', createAuthenticator().register(ceremony(right))),
      ).rejects.toMatchObject({ code: 'WrongChallenge' })
      expect(passkeys.list()).toHaveLength(1)
    }))

  it.each([
    ['of another origin', { origin: 'https://evil.example' }, 'WrongOrigin'],
    ['of another host name', { rpId: 'evil.example' }, 'WrongRpId'],
    ['without user verification', { flags: FLAGS.up | FLAGS.at }, 'NotVerified'],
    ['inside of another site', { clientData: { crossOrigin: true } }, 'CrossOrigin'],
  ])('%s is refused, and uses nothing up', (_, wrong, code) =>
    withPasskeys(async ({ account }) => {
      const { passkeys } = account.oauth
      const link = newLink(passkeys)
      const options = registrationOptions(passkeys, link)
      const authenticator = createAuthenticator()
      await expect(
        passkeys.register(link, 'x', authenticator.register(ceremony(options, wrong))),
      ).rejects.toMatchObject({ code })
      await passkeys.register(link, 'x', authenticator.register(ceremony(options)))
      expect(passkeys.list()).toHaveLength(1)
    }),
  )

  it('of a passkey that there is already is refused', () =>
    withPasskeys(async ({ account }) => {
      const { passkeys } = account.oauth
      const authenticator = await addPasskey(passkeys)
      const link = newLink(passkeys)
      await expect(
        passkeys.register(link, 'x', authenticator.register(ceremony(registrationOptions(passkeys, link)))),
      ).rejects.toMatchObject({ code: 'AlreadyRegistered' })
    }))

  it('needs a name that is seen', () =>
    withPasskeys(async ({ account }) => {
      const { passkeys } = account.oauth
      const link = newLink(passkeys)
      const answer = createAuthenticator().register(ceremony(registrationOptions(passkeys, link)))
      for (const name of ['', ' ', 'a\u202eb', 'x'.repeat(101), ' laptop'])
        await expect(passkeys.register(link, name, answer)).rejects.toMatchObject({ code: 'BadName' })
    }))

  it('of a 21st passkey is refused, and so is its link', () =>
    withPasskeys(async ({ account }) => {
      const { passkeys } = account.oauth
      const early = newLink(passkeys)
      for (let i = 0; i < 20; i++) await addPasskey(passkeys, `key ${i}`, sha256(`id ${i}`))
      expect(() => passkeys.createLink()).toThrow(/there are 20 passkeys: remove one first/)
      await expect(
        passkeys.register(
          early,
          'x',
          createAuthenticator().register(ceremony(registrationOptions(passkeys, early))),
        ),
      ).rejects.toMatchObject({ code: 'TooManyPasskeys' })
    }))
})

describe('a sign-in by passkey', () => {
  it('is not asked for where there is no passkey', () =>
    withPasskeys(async ({ account }) => {
      expect(account.oauth.passkeys.signInOptions()).toBeUndefined()
    }))

  it('is asked for without naming any passkey, and without a row', () =>
    withPasskeys(async ({ account }) => {
      const { passkeys } = account.oauth
      await addPasskey(passkeys)
      const written = account.sql.written
      const { challenge, ...options } = signInOptions(passkeys)
      expect(options).toEqual({
        rpId: RP_ID,
        timeout: 5 * MINUTE_MS,
        allowCredentials: [],
        userVerification: 'required',
      })
      expect(signInOptions(passkeys).challenge).not.toBe(challenge)
      expect(account.sql.written).toBe(written)
    }))

  it('gives the passkey, and notes and journals its use', () =>
    withPasskeys(async (world) => {
      const { passkeys } = world.account.oauth
      const authenticator = await addPasskey(passkeys)
      world.clock.now += MINUTE_MS
      const used = await passkeys.signIn(authenticator.answer(ceremony(signInOptions(passkeys))))
      expect(used).toMatchObject({ id: authenticator.id, name: 'laptop', lastUsedAt: world.clock.now })
      expect(passkeys.list()).toEqual([used])
      expect(last(world)).toMatchObject({
        event: 'use-passkey',
        detail: { id: authenticator.id, name: 'laptop' },
      })
    }))

  it('keeps whether the passkey is synced, and learns it of one that was registered before this was kept', () =>
    withPasskeys(async ({ account, clock }) => {
      const { passkeys } = account.oauth
      const authenticator = await addPasskey(passkeys)
      account.sql.run('UPDATE passkey SET backup = NULL')
      expect(passkeys.list()[0]?.backup).toBeUndefined()
      for (const [flags, backup] of [
        [FLAGS.be, 'eligible'],
        [FLAGS.be | FLAGS.bs, 'synced'],
        [0, undefined],
      ] as const) {
        clock.now += 1000
        const wrong = { flags: FLAGS.up | FLAGS.uv | flags }
        const used = passkeys.signIn(authenticator.answer(ceremony(signInOptions(passkeys), wrong)))
        if (backup === undefined) await expect(used).rejects.toMatchObject({ code: 'BadBackupFlags' })
        else expect((await used).backup).toBe(backup)
        expect(passkeys.list()[0]?.backup).toBe(backup ?? 'synced')
      }
    }))

  it('is taken once, also by an authenticator that does not count, and by an object that started anew', () =>
    withPasskeys(async (world) => {
      const authenticator = await addPasskey(world.account.oauth.passkeys)
      world.account.sql.run('UPDATE passkey SET counter = 0')
      const answer = authenticator.answer(
        ceremony(signInOptions(world.account.oauth.passkeys), { counter: 0 }),
      )
      world.clock.now += 1000
      await world.account.oauth.passkeys.signIn(answer)
      const taken = { code: 'AnsweredAlready' }
      await expect(world.account.oauth.passkeys.signIn(answer)).rejects.toMatchObject(taken)
      await world.restart()
      await expect(world.account.oauth.passkeys.signIn(answer)).rejects.toMatchObject(taken)
    }))

  it('is taken once if the same answer arrives twice at once', () =>
    withPasskeys(async ({ account, clock }) => {
      const { passkeys } = account.oauth
      const authenticator = await addPasskey(passkeys)
      account.sql.run('UPDATE passkey SET counter = 0')
      const answer = authenticator.answer(ceremony(signInOptions(passkeys), { counter: 0 }))
      clock.now += 1000
      const results = await Promise.allSettled([passkeys.signIn(answer), passkeys.signIn(answer)])
      expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    }))

  it('goes on with a challenge from before a restart, for 5 minutes', () =>
    withPasskeys(async (world) => {
      const authenticator = await addPasskey(world.account.oauth.passkeys)
      const options = signInOptions(world.account.oauth.passkeys)
      await world.restart()
      world.clock.now += 5 * MINUTE_MS - 1
      await world.account.oauth.passkeys.signIn(authenticator.answer(ceremony(options)))
      const late = signInOptions(world.account.oauth.passkeys)
      world.clock.now += 5 * MINUTE_MS
      await expect(
        world.account.oauth.passkeys.signIn(authenticator.answer(ceremony(late))),
      ).rejects.toMatchObject({ code: 'WrongChallenge' })
    }))

  it('refuses the challenge of a registration, and one of another secret', () =>
    withPasskeys(async (world) => {
      const { passkeys } = world.account.oauth
      const authenticator = await addPasskey(passkeys)
      const challenges = [registrationOptions(passkeys, newLink(passkeys)).challenge]
      challenges.push(signInOptions(passkeys).challenge)
      await world.restart({ SESSION_SECRET: 'another-secret-'.padEnd(64, 'y') })
      for (const challenge of challenges)
        await expect(
          world.account.oauth.passkeys.signIn(authenticator.answer(ceremony({ challenge }))),
        ).rejects.toMatchObject({ code: 'WrongChallenge' })
    }))

  it('that is sent again is not taken for that of a copy', () =>
    withPasskeys(async (world) => {
      const { passkeys } = world.account.oauth
      const answer = (await addPasskey(passkeys)).answer(ceremony(signInOptions(passkeys)))
      world.clock.now += 1000
      await passkeys.signIn(answer)
      await expect(passkeys.signIn(answer)).rejects.toMatchObject({ code: 'AnsweredAlready' })
      expect(last(world)).toMatchObject({ event: 'use-passkey' })
    }))

  it('with a counter that did not go up is refused, and the owner is told of a copy', () =>
    withPasskeys(async (world) => {
      const { passkeys } = world.account.oauth
      const authenticator = await addPasskey(passkeys)
      world.clock.now += 1000
      await passkeys.signIn(authenticator.answer(ceremony(signInOptions(passkeys), { counter: 9 })))
      world.clock.now += 1000
      await expect(
        passkeys.signIn(authenticator.answer(ceremony(signInOptions(passkeys), { counter: 9 }))),
      ).rejects.toMatchObject({ code: 'CounterBehind' })
      expect(last(world)).toMatchObject({ event: 'copied-passkey', detail: { name: 'laptop' } })
    }))

  it.each([
    ['of another origin', { origin: 'https://evil.example' }, 'WrongOrigin'],
    ['of another host name', { rpId: 'evil.example' }, 'WrongRpId'],
    ['without user verification', { flags: FLAGS.up }, 'NotVerified'],
    ['of one that can be synced now', { flags: FLAGS.up | FLAGS.uv | FLAGS.be }, 'BadBackupFlags'],
    ['of another account', { userHandle: 'c29tZWJvZHk' }, 'WrongUser'],
    ['with another signature', { signed: Buffer.from('other') }, 'BadSignature'],
  ])('%s is refused, and leaves no row', (_, wrong, code) =>
    withPasskeys(async ({ account }) => {
      const { passkeys } = account.oauth
      const authenticator = await addPasskey(passkeys)
      const written = account.sql.written
      await expect(
        passkeys.signIn(authenticator.answer(ceremony(signInOptions(passkeys), wrong))),
      ).rejects.toMatchObject({ code })
      expect(account.sql.written).toBe(written)
    }),
  )

  it('by a passkey that is unknown or was removed is refused', () =>
    withPasskeys(async ({ account }) => {
      const { passkeys } = account.oauth
      const authenticator = await addPasskey(passkeys)
      const [first, second] = [1, 2].map(() => authenticator.answer(ceremony(signInOptions(passkeys))))
      await expect(
        passkeys.signIn(createAuthenticator('Ed25519').answer(ceremony(signInOptions(passkeys)))),
      ).rejects.toMatchObject({ code: 'PasskeyNotFound' })
      const signingIn = passkeys.signIn(first)
      expect(passkeys.remove(authenticator.id, 'owner')).toBe(true)
      await expect(signingIn).rejects.toMatchObject({ code: 'PasskeyNotFound' })
      await expect(passkeys.signIn(second)).rejects.toMatchObject({ code: 'PasskeyNotFound' })
    }))
})

describe('the list of passkeys', () => {
  it('has the newest first, and new names are journalled', () =>
    withPasskeys(async (world) => {
      const { passkeys } = world.account.oauth
      const first = await addPasskey(passkeys, 'first', sha256('1'))
      world.clock.now += 1000
      await addPasskey(passkeys, 'second', sha256('2'))
      expect(passkeys.list().map(({ name }) => name)).toEqual(['second', 'first'])
      expect(passkeys.rename(first.id, 'old')).toBe(true)
      expect(passkeys.rename('AAAA', 'old')).toBe(false)
      expect(() => passkeys.rename(first.id, '\n')).toThrow(/visible characters/)
      expect(passkeys.list().map(({ name }) => name)).toEqual(['second', 'old'])
      expect(last(world)).toMatchObject({ event: 'rename-passkey', detail: { id: first.id, name: 'old' } })
    }))

  it('says whether there was one to remove', () =>
    withPasskeys(async (world) => {
      const { passkeys } = world.account.oauth
      const { id } = await addPasskey(passkeys)
      expect([
        passkeys.remove('AAAA', 'admin'),
        passkeys.remove(id, 'admin'),
        passkeys.remove(id, 'admin'),
      ]).toEqual([false, true, false])
      expect(last(world)).toMatchObject({
        event: 'remove-passkey',
        detail: { id, name: 'laptop', by: 'admin' },
      })
    }))
})

describe('the account password', () => {
  it('is switched off only while there is a passkey', () =>
    withPasskeys(async (world) => {
      const { passkeys } = world.account.oauth
      expect(() => passkeys.setPasswordEnabled(false, 'admin')).toThrow(/there is no passkey/)
      expect(passkeys.isPasswordEnabled()).toBe(true)
      await addPasskey(passkeys)
      passkeys.setPasswordEnabled(false, 'admin')
      expect(passkeys.isPasswordEnabled()).toBe(false)
      expect(last(world)).toMatchObject({
        event: 'password-sign-in',
        detail: { enabled: false, by: 'admin' },
      })
      const written = world.account.sql.written
      passkeys.setPasswordEnabled(false, 'admin')
      expect(world.account.sql.written).toBe(written)
    }))

  it('opens no session while it is off: right and wrong ones get the same answer, and none is checked', () =>
    withPasskeys(async ({ account, client, checks }) => {
      await addPasskey(account.oauth.passkeys)
      account.oauth.passkeys.setPasswordEnabled(false, 'owner')
      const before = checks.length
      const answers = [await failure(logIn(client)), await failure(logIn(client, HANDLE, 'wrong'))]
      expect(answers[0]).toMatchObject({
        status: 401,
        error: 'AuthenticationRequired',
        message: expect.stringContaining('pds passkey password on'),
      })
      expect(answers[1]).toEqual(answers[0])
      expect(checks).toHaveLength(before)
      account.oauth.passkeys.setPasswordEnabled(true, 'admin')
      await logIn(client)
    }))

  it('counts tries while it is off, as always', () =>
    withPasskeys(async ({ account, client }) => {
      await addPasskey(account.oauth.passkeys)
      account.oauth.passkeys.setPasswordEnabled(false, 'owner')
      const errors = new Set<string>()
      for (let i = 0; i < 40; i++) errors.add((await failure(logIn(client))).error)
      expect([...errors]).toEqual(['AuthenticationRequired', 'RateLimitExceeded'])
    }))

  it('leaves app passwords as they are', () =>
    withPasskeys(async ({ account, admin, client }) => {
      const { password } = await admin.com.atproto.server.createAppPassword({ name: 'app' })
      await addPasskey(account.oauth.passkeys)
      account.oauth.passkeys.setPasswordEnabled(false, 'owner')
      await logIn(client, HANDLE, password)
      expect(await failure(logIn(client, HANDLE, 'abcd-efgh-2345-6722'))).toMatchObject({
        error: 'AuthenticationRequired',
      })
    }))

  it('is on again when the last passkey is removed, and not before', () =>
    withPasskeys(async (world) => {
      const { passkeys } = world.account.oauth
      const [first, second] = [
        await addPasskey(passkeys, 'a', sha256('1')),
        await addPasskey(passkeys, 'b', sha256('2')),
      ]
      passkeys.setPasswordEnabled(false, 'owner')
      passkeys.remove(first.id, 'owner')
      expect(passkeys.isPasswordEnabled()).toBe(false)
      passkeys.remove(second.id, 'owner')
      expect(passkeys.isPasswordEnabled()).toBe(true)
      expect(world.account.journal.recent(2)).toMatchObject([
        { event: 'password-sign-in', detail: { enabled: true, by: 'owner' } },
        { event: 'remove-passkey' },
      ])
      await logIn(world.client)
    }))
})
