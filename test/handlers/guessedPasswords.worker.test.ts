/** Strangers who guess passwords: they do not shut the owner out, and they do not hold up anybody's reads. */
import { describe, expect, it } from 'vitest'
import { XrpcError } from '../../src/xrpc/errors.ts'
import { createKnownNetworks } from '../../src/account/auth/limits/knownNetworks.ts'
import { failure, logIn } from './support/calls.ts'
import { targeted } from './support/did.ts'
import { ADMIN_PASSWORD, HANDLE, inWorld, PASSWORD, type World } from './support/world.ts'

const OWNER = '203.0.113.7'
const REFUSED = { status: 429, error: 'RateLimitExceeded' }
const WRONG = { status: 401, error: 'AuthenticationRequired' }

const signInFrom = ({ client }: World, address: string, password = PASSWORD) =>
  client.com.atproto.server.createSession(
    { identifier: HANDLE, password },
    { headers: { 'cf-connecting-ip': address } },
  )

const adminFrom = ({ fetch }: World, address: string, password = ADMIN_PASSWORD) =>
  fetch('/xrpc/com.cirrus.admin.listSubscribers', {
    headers: { authorization: `Basic ${btoa(`admin:${password}`)}`, 'cf-connecting-ip': address },
  })

/** From ten networks, as often as each may: after that, no stranger may sign in. */
const guessFromTenNetworks = ({ account }: World): void => {
  for (let n = 0; n < 300; n++) {
    try {
      account.rateLimits.signIn(`198.51.100.${n % 10}`)
    } catch (cause) {
      if (!(cause instanceof XrpcError)) throw cause
    }
  }
}

describe('wrong passwords from ten networks', () => {
  it('leave the owner their place, in five minutes and in a day, where they have signed in before', () =>
    inWorld({}, async (world) => {
      await signInFrom(world, OWNER)
      guessFromTenNetworks(world)
      await expect(signInFrom(world, '192.0.2.1')).rejects.toMatchObject(REFUSED)
      await signInFrom(world, OWNER)
      for (let n = 0; n < 10; n++) {
        world.clock.now += 5 * 60_000
        guessFromTenNetworks(world)
      }
      world.clock.now += 5 * 60_000
      await expect(signInFrom(world, '192.0.2.1')).rejects.toMatchObject({
        message: expect.stringContaining('3000 in 86400'),
      })
      await signInFrom(world, OWNER)
    }))

  it('leave every app its place, from any network, as often as one network may', () =>
    inWorld({}, async (world) => {
      const { password } = await world.admin.com.atproto.server.createAppPassword({ name: 'phone' })
      guessFromTenNetworks(world)
      for (let n = 0; n < 30; n++) await signInFrom(world, '192.0.2.1', password)
      await expect(signInFrom(world, '192.0.2.1', password)).rejects.toMatchObject({
        ...REFUSED,
        message: expect.stringContaining('30 in 300'),
      })
      // What has its form, and is wrong, is a guess like any other.
      await expect(signInFrom(world, '192.0.2.2', 'aaaa-aaaa-aaaa-aaaa')).rejects.toMatchObject(REFUSED)
    }))

  it('are not helped by an app password: it makes no network known, and none forgotten', () =>
    inWorld({}, async (world) => {
      await signInFrom(world, OWNER)
      const { password } = await world.admin.com.atproto.server.createAppPassword({ name: 'phone' })
      for (let n = 0; n < 25; n++) {
        world.clock.now += 1000
        await signInFrom(world, `192.0.2.${n}`, password)
      }
      guessFromTenNetworks(world)
      await expect(signInFrom(world, '192.0.2.1')).rejects.toMatchObject(REFUSED)
      await signInFrom(world, OWNER)
    }))

  it('leave a known network its own limit, which is not counted among all', () =>
    inWorld({}, async (world) => {
      await signInFrom(world, OWNER)
      for (let n = 0; n < 29; n++) world.account.rateLimits.signIn(OWNER)
      await expect(signInFrom(world, OWNER)).rejects.toMatchObject({
        ...REFUSED,
        message: expect.stringContaining('30 in 300'),
      })
      const all = world.account.sql.first<{ used: number }>(`SELECT used FROM rate WHERE key = 'sign-in-all'`)
      expect(all?.used).toBe(1)
    }))

  it('leave the owner a way in from a new network: the right admin password makes it known', () =>
    inWorld({}, async (world) => {
      guessFromTenNetworks(world)
      await expect(signInFrom(world, OWNER)).rejects.toMatchObject(REFUSED)
      expect((await adminFrom(world, OWNER)).status).toBe(200)
      await signInFrom(world, OWNER)
    }))

  it('do not make a network known', () =>
    inWorld({}, async (world) => {
      await expect(signInFrom(world, OWNER, 'wrong')).rejects.toMatchObject(WRONG)
      guessFromTenNetworks(world)
      await expect(signInFrom(world, OWNER)).rejects.toMatchObject(REFUSED)
    }))

  it('find the twenty networks that were used last, and no more', () =>
    inWorld({}, async ({ account, clock }) => {
      const networks = createKnownNetworks(account)
      for (let n = 0; n < 25; n++) {
        clock.now += 1000
        networks.remember(`192.0.2.${n}`)
      }
      expect(Array.from({ length: 25 }, (_, n) => networks.has(`192.0.2.${n}`))).toEqual(
        Array.from({ length: 25 }, (_, n) => n >= 5),
      )
      const written = account.sql.written
      networks.remember('192.0.2.24')
      expect(account.sql.written).toBe(written)
    }))
})

describe('passwords that are checked at once', () => {
  it('are two of strangers, and a third of a known network; the others are told to wait', () =>
    inWorld({}, async (world) => {
      await signInFrom(world, OWNER)
      world.checks.length = 0
      const gate = Promise.withResolvers<void>()
      let running = 0
      let most = 0
      world.whileChecking = async () => {
        most = Math.max(most, ++running)
        await gate.promise
        running--
      }
      const attempts = Array.from({ length: 24 }, (_, n) =>
        failure(signInFrom(world, `198.51.100.${n}`, 'no')),
      )
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(world.checks).toHaveLength(2)
      const owner = signInFrom(world, OWNER)
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(world.checks).toEqual(['198.51.100.0', '198.51.100.1', OWNER])
      await expect(signInFrom(world, OWNER)).rejects.toMatchObject(REFUSED)
      // A read is answered while they run.
      expect((await world.client.com.atproto.repo.describeRepo({ repo: world.did })).handle).toBe(HANDLE)
      gate.resolve()
      expect((await owner).handle).toBe(HANDLE)
      const answers = await Promise.all(attempts)
      expect(answers.map(({ status }) => status).toSorted()).toEqual([401, 401, ...Array(22).fill(429)])
      const busy = answers.find(({ status }) => status === 429)
      expect(busy?.headers.get('retry-after')).toBe('1')
      expect(most).toBe(3)
      // The places are free again, and those who were told to wait have not used up their tries.
      world.whileChecking = undefined
      await signInFrom(world, '198.51.100.5')
      const row = world.account.sql.first<{ used: number }>(
        `SELECT used FROM rate WHERE key = 'sign-in@198.51.100.5'`,
      )
      expect(row?.used).toBe(1)
    }))

  it('give their place back where a check fails', () =>
    inWorld({}, async (world) => {
      world.whileChecking = () => Promise.reject(new Error('the other object is gone'))
      for (let n = 0; n < 4; n++) expect((await failure(logIn(world.client))).status).toBe(500)
      world.bugs.length = 0
      world.whileChecking = undefined
      await logIn(world.client)
    }))

  it('include those of createAccount', () =>
    inWorld({ active: false }, async (world) => {
      const gate = Promise.withResolvers<void>()
      world.whileChecking = () => gate.promise
      const create = () =>
        world.account.lifecycle.create({ did: world.did, handle: HANDLE, password: 'x' }, 'id')
      const first = Promise.allSettled([create(), create()])
      await expect(create()).rejects.toMatchObject({ error: 'RateLimitExceeded' })
      gate.resolve()
      expect((await first).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    }))
})

describe('admin passwords that are guessed', () => {
  it('are refused with 429 after 100 wrong ones from a network, even the right one; another network is let in', () =>
    inWorld({}, async (world) => {
      for (let n = 0; n < 100; n++) expect((await adminFrom(world, '198.51.100.1', 'wrong')).status).toBe(401)
      for (const password of ['wrong', ADMIN_PASSWORD]) {
        const answer = await adminFrom(world, '198.51.100.1', password)
        expect(answer.status).toBe(429)
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      }
      expect((await adminFrom(world, '198.51.100.2')).status).toBe(200)
      expect(world.journal().filter((event) => event === 'failed-sign-in')).toHaveLength(10)
      world.clock.now += 5 * 60_000
      expect((await adminFrom(world, '198.51.100.1')).status).toBe(200)
    }))

  it('from ten networks turn away wrong ones from everywhere, and the right one from nowhere', () =>
    inWorld({}, async (world) => {
      for (let network = 0; network < 10; network++)
        for (let n = 0; n < 100; n++) world.account.rateLimits.wrongAdmin(`198.51.100.${network}`)
      expect((await adminFrom(world, '192.0.2.1', 'wrong')).status).toBe(429)
      expect((await adminFrom(world, '192.0.2.1')).status).toBe(200)
      for (let n = 0; n < 40; n++) expect((await adminFrom(world, OWNER)).status).toBe(200)
      expect((await adminFrom(world, OWNER, 'wrong')).status).toBe(401)
    }))
})

describe('what the owner sees of it', () => {
  it('is the number of failed sign-ins since the last good one, and of refused tokens', () =>
    inWorld({}, async (world) => {
      const { admin, clock, bearer, journal } = world
      const signIns = async () => (await admin.com.cirrus.admin.getStatus()).signIns
      expect(await signIns()).toEqual({ failedInARow: 0, refusedTokens: 0 })
      await failure(signInFrom(world, '198.51.100.1', 'wrong'))
      clock.now += 1000
      await adminFrom(world, '198.51.100.1', 'wrong')
      const token = await world.mint(targeted)
      world.account.migrationTokens.revoke()
      await failure(bearer(token).com.atproto.server.checkAccountStatus())
      await failure(bearer('nonsense').com.atproto.server.getSession())
      expect(await signIns()).toEqual({
        failedInARow: 2,
        lastFailedAt: `${new Date(clock.now).toISOString().slice(0, 19)}.000Z`,
        refusedTokens: 2,
      })
      expect(journal().filter((event) => event === 'refused-token')).toHaveLength(2)
      await signInFrom(world, OWNER)
      expect(await signIns()).toEqual({ failedInARow: 0, refusedTokens: 2 })
      clock.now += 24 * 3600_000
      expect(await signIns()).toEqual({ failedInARow: 0, refusedTokens: 0 })
    }))

  it('does not count the tokens of sessions that have ended, which apps go on sending', () =>
    inWorld({}, async ({ admin, bearer, client }) => {
      const { accessJwt, refreshJwt } = await logIn(client)
      await admin.com.cirrus.admin.endSessions({ all: true })
      await failure(bearer(accessJwt).com.atproto.server.getSession())
      await failure(bearer(refreshJwt).com.atproto.server.refreshSession())
      expect((await admin.com.cirrus.admin.getStatus()).signIns).toEqual({
        failedInARow: 0,
        refusedTokens: 0,
      })
    }))

  it('counts a token of a session that was changed, whether the session has ended or not', () =>
    inWorld({}, async ({ admin, bearer, client }) => {
      const { accessJwt } = await logIn(client)
      const [header, claims] = accessJwt.split('.')
      const forged = `${header}.${claims}.${'A'.repeat(43)}`
      await failure(bearer(forged).com.atproto.server.getSession())
      await bearer(accessJwt).com.atproto.server.getSession()
      await admin.com.cirrus.admin.endSessions({ all: true })
      await failure(bearer(forged).com.atproto.server.getSession())
      expect((await admin.com.cirrus.admin.getStatus()).signIns?.refusedTokens).toBe(2)
    }))

  it('does not count a token that has merely expired', () =>
    inWorld({}, async ({ admin, client, bearer, clock, journal }) => {
      const { accessJwt } = await logIn(client)
      clock.now += 3 * 3600_000
      await failure(bearer(accessJwt).com.atproto.server.getSession())
      expect((await admin.com.cirrus.admin.getStatus()).signIns?.refusedTokens).toBe(0)
      expect(journal()).not.toContain('refused-token')
    }))

  it('cannot fill the journal or the database, however much strangers try', () =>
    inWorld({}, async ({ account, admin, bearer, journal }) => {
      for (let n = 0; n < 1500; n++) account.failures.token('Malformed')
      for (let n = 0; n < 500; n++) account.failures.signIn('password')
      expect(journal().filter((event) => event === 'refused-token')).toHaveLength(10)
      expect(journal().filter((event) => event === 'failed-sign-in')).toHaveLength(10)
      const written = account.sql.written
      for (let n = 0; n < 20; n++) await failure(bearer('nonsense').com.atproto.server.getSession())
      expect(account.sql.written).toBe(written)
      expect((await admin.com.cirrus.admin.getStatus()).signIns).toMatchObject({
        failedInARow: 500,
        refusedTokens: 1000,
      })
    }))
})
