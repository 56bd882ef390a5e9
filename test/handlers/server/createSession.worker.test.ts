import { describe, expect, it } from 'vitest'
import { failure, logIn } from '../support/calls.ts'
import { HANDLE, inWorld, ORIGIN, PASSWORD } from '../support/world.ts'

describe('createSession', () => {
  it('takes the handle in any case, with @ or at://, and the DID', () =>
    inWorld({}, async ({ client, did }) => {
      for (const name of [HANDLE, 'Alice.Example.Com', `@${HANDLE}`, `at://${HANDLE}`, did]) {
        const session = await logIn(client, name)
        expect(session, name).toMatchObject({ did, handle: HANDLE, active: true })
        expect(session.didDoc, name).toMatchObject({ service: [{ serviceEndpoint: ORIGIN }] })
      }
    }))

  it('takes what clients send for a second factor and for accounts that were taken down, and ignores it', () =>
    inWorld({}, async ({ client, did }) => {
      const session = await client.com.atproto.server.createSession({
        identifier: HANDLE,
        password: PASSWORD,
        authFactorToken: '123-456',
        allowTakendown: true,
      })
      expect(session).toMatchObject({ did, active: true })
    }))

  it('answers 401 AuthenticationRequired to a wrong password and to an unknown identifier, and writes both down', () =>
    inWorld({}, async ({ client, journal }) => {
      const refused = { status: 401, error: 'AuthenticationRequired' }
      await expect(logIn(client, HANDLE, 'wrong')).rejects.toMatchObject(refused)
      await expect(logIn(client, 'bob.example.com')).rejects.toMatchObject(refused)
      expect(journal().filter((event) => event === 'failed-sign-in')).toHaveLength(2)
    }))

  it('waits 2.5 seconds for a directory that does not answer, and leaves no timer behind', () =>
    inWorld({}, async ({ client, clock, directory, timers }) => {
      clock.now += 3600_000
      let answer = (): void => {}
      directory.before = () => new Promise((resolve) => (answer = resolve))
      const session = logIn(client)
      await expect.poll(() => [...timers].map(({ ms }) => ms).toSorted()).toContain(2500)
      for (const timer of timers) if (timer.ms === 2500) timer.ring()
      expect((await session).didDoc).toBeUndefined()
      expect([...timers].map(({ ms }) => ms)).not.toContain(2500)
      directory.before = undefined
      answer()
      await expect.poll(() => timers.size).toBe(0)
      expect((await logIn(client)).didDoc).toBeDefined()
      expect(timers.size).toBe(0)
    }))

  it('refuses the 31st sign-in in five minutes with ratelimit headers, and takes the next one after them', () =>
    inWorld({}, async ({ client, account, clock }) => {
      for (let i = 0; i < 30; i++) account.rateLimits.signIn()
      const refused = await failure(logIn(client))
      expect(refused).toMatchObject({ status: 429, error: 'RateLimitExceeded' })
      expect(refused.headers.get('ratelimit-limit')).toBe('30')
      expect(refused.headers.get('ratelimit-remaining')).toBe('0')
      expect(refused.headers.get('ratelimit-policy')).toBe('30;w=300')
      clock.now += 300_000
      await logIn(client)
      for (let i = 0; i < 269; i++) {
        if (i % 29 === 0) clock.now += 300_000
        account.rateLimits.signIn()
      }
      clock.now += 300_000
      expect((await failure(logIn(client))).headers.get('ratelimit-limit')).toBe('300')
    }))

  it('counts each network for itself, an IPv6 one as its /64, so that guessing does not shut the owner out', () =>
    inWorld({}, async ({ client, account, clock }) => {
      const from = (address: string) =>
        client.com.atproto.server.createSession(
          { identifier: HANDLE, password: PASSWORD },
          { headers: { 'cf-connecting-ip': address } },
        )
      const refused = { status: 429, error: 'RateLimitExceeded' }
      for (let i = 0; i < 30; i++) account.rateLimits.signIn('192.0.2.1')
      for (let i = 0; i < 30; i++) account.rateLimits.signIn('2001:db8:0:1::/64')
      await expect(from('192.0.2.1')).rejects.toMatchObject(refused)
      await expect(from('2001:db8::1:0:0:0:7')).rejects.toMatchObject(refused)
      await expect(from('2001:0DB8:0000:0001:aaaa::')).rejects.toMatchObject(refused)
      await from('192.0.2.2')
      await from('2001:db8:0:2::1')
      for (let i = 0; i < 238; i++) account.rateLimits.signIn(`198.51.100.${i}`)
      await expect(from('192.0.2.3')).rejects.toMatchObject(refused)
      clock.now += 25 * 3600_000
      await from('192.0.2.1')
      const rows = account.sql.first<{ count: number }>(
        `SELECT count(*) AS count FROM rate WHERE key LIKE 'sign-in%'`,
      )
      expect(rows?.count).toBe(4)
    }))

  it('answers 413 PayloadTooLarge to more than a sign-in needs, because anybody may send it', () =>
    inWorld({}, async ({ client }) => {
      const more = Array.from({ length: 40_000 }, () => [])
      const large = { identifier: HANDLE, password: PASSWORD, more }
      await expect(client.com.atproto.server.createSession(large)).rejects.toMatchObject({
        status: 413,
        error: 'PayloadTooLarge',
      })
    }))

  it('signs in while the directory is down, without didDoc, and does not ask it again at once', () =>
    inWorld({}, async ({ client, directory, restart }) => {
      await restart()
      directory.mode = 'down'
      expect((await logIn(client)).didDoc).toBeUndefined()
      const asked = directory.requests.length
      await logIn(client)
      expect(directory.requests).toHaveLength(asked)
    }))

  it('does not leave a password or a token in the journal', () =>
    inWorld({}, async ({ client, account, ...world }) => {
      const { accessJwt, refreshJwt } = await logIn(client)
      await expect(logIn(client, HANDLE, 'wrong-canary')).rejects.toMatchObject({ status: 401 })
      const token = await world.mint()
      const journal = JSON.stringify(account.journal.page({ limit: 100 }))
      const signature = token.split('.')[2] ?? ''
      for (const secret of [PASSWORD, 'wrong-canary', accessJwt, refreshJwt, token, signature])
        expect(journal).not.toContain(secret)
      expect(account.journal.verify().ok).toBe(true)
    }))
})
