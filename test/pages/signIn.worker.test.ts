/** Signing in to the pages, and what keeps others out of them. */
import { describe, expect, it } from 'vitest'
import { ASSETS } from '../../src/generated/assets.ts'
import { HANDLE, inWorld, ORIGIN, PASSWORD, type World } from '../handlers/support/world.ts'
import { browse, type Browser, formOf, type Shown } from './support/browser.ts'

const COOKIE = '__Host-cirrus-sign-in'
const MINUTE_MS = 60_000

const signIn = async (browser: Browser, fields: Record<string, string> = {}): Promise<Shown> =>
  browser.submit(await browser.open('/account'), 'password', { password: PASSWORD, ...fields })

const isSignedIn = ({ text }: Shown): boolean => text.includes('Sign out')

const rows = ({ account }: World) => account.sql.all<{ id: string }>('SELECT * FROM browser_sign_in')

describe('signing in', () => {
  it('takes the handle and the account password, and goes on to the page that was asked for', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const page = await signIn(browser)
      expect([page.status, page.path, isSignedIn(page)]).toEqual([200, '/account', true])
      expect(world.journal().at(-1)).toBe('sign-in')
    }))

  it.each([
    ['another password', { password: 'wrong' }],
    ['another handle', { identifier: 'bob.example.com' }],
  ])('refuses %s, and notes the failure', (_, fields) =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const page = await signIn(browser, fields)
      expect(page.status).toBe(403)
      expect(page.text).toContain('This is not the handle of this account, or not its password')
      expect([...browser.cookies.keys()]).not.toContain(COOKIE)
      expect(world.journal().at(-1)).toBe('failed-sign-in')
      expect(world.account.failures.counts().signInsInARow).toBe(1)
    }),
  )

  it('refuses an app password, whatever it may do', () =>
    inWorld({}, async (world) => {
      const { password } = world.account.appPasswords.create({ name: 'app', privileged: true, by: 'test' })
      expect((await signIn(browse(world), { password })).status).toBe(403)
    }))

  it('is limited as other sign-ins are, and says how long to wait', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      let page = await browser.open('/account')
      for (let n = 0; n < 30; n++) page = await browser.submit(page, 'password', { password: 'wrong' })
      page = await browser.submit(page, 'password', { password: PASSWORD })
      expect([page.status, page.headers.get('retry-after')]).toEqual([429, '300'])
      expect(page.text).toContain('Please wait 300 seconds')
    }))

  it('shows the sign-in form again with the same token to a page that had it open', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const [one, other] = [await browser.open('/account'), await browser.open('/account')]
      expect(isSignedIn(await browser.submit(one, 'password', { password: PASSWORD }))).toBe(true)
      expect(isSignedIn(await browser.submit(other, 'password', { password: PASSWORD }))).toBe(true)
      expect(rows(world)).toHaveLength(1)
    }))
})

describe('the cookie', () => {
  it('cannot be read by scripts, goes over https only, and is of this host', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const page = await browser.open('/account')
      const { to, fields } = formOf(page, 'password')
      const response = await browser.send(to, {
        method: 'POST',
        headers: { origin: ORIGIN, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          ...Object.fromEntries(fields),
          password: PASSWORD,
          remember: 'yes',
        }).toString(),
      })
      const line = response.headers.getSetCookie().find((one) => one.startsWith(COOKIE))
      expect(line?.replace(/=[0-9a-f.]+;/, '=…;')).toBe(
        `${COOKIE}=…; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=604800`,
      )
    }))

  it('ends with the browser unless it is to be remembered', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const page = await browser.open('/account')
      const { to, fields } = formOf(page, 'password')
      const response = await browser.send(to, {
        method: 'POST',
        headers: { origin: ORIGIN, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ ...Object.fromEntries(fields), password: PASSWORD }).toString(),
      })
      expect(response.headers.getSetCookie().join()).not.toContain('Max-Age')
    }))

  it('is in the database as a hash only', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      await signIn(browser)
      const secret = browser.cookies.get(COOKIE) ?? ''
      expect(secret).toMatch(/^[0-9a-f]{32}\.[0-9a-f]{32}$/)
      const stored = JSON.stringify([rows(world), world.account.sql.all('SELECT * FROM journal')])
      for (const part of secret.split('.')) expect(stored).not.toContain(part)
    }))

  it('is another one after each sign-in, and the one before is worth nothing', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const form = await browser.open('/account')
      await browser.submit(form, 'password', { password: PASSWORD })
      const first = browser.cookies.get(COOKIE)
      await browser.submit(form, 'password', { password: PASSWORD })
      expect(browser.cookies.get(COOKIE)).not.toBe(first)
      browser.cookies.set(COOKIE, first ?? '')
      expect(isSignedIn(await browser.open('/account'))).toBe(false)
    }))

  it('that somebody planted is not taken over', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const planted = `${'a'.repeat(32)}.${'b'.repeat(32)}`
      browser.cookies.set(COOKIE, planted)
      expect(isSignedIn(await signIn(browser))).toBe(true)
      const now = browser.cookies.get(COOKIE)?.split('.')
      expect(planted.split('.').some((part) => now?.includes(part))).toBe(false)
    }))

  it('is ignored where there are two', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      await signIn(browser)
      const own = `${COOKIE}=${browser.cookies.get(COOKIE)}`
      const page = await browser.open('/account', { cookie: `${own}; ${COOKIE}=x` })
      expect(isSignedIn(page)).toBe(false)
    }))
})

describe('a sign-in ends', () => {
  it('15 minutes after its last use, counted by the minute', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      await signIn(browser)
      const written = world.account.sql.written
      world.clock.now += MINUTE_MS / 2
      await browser.open('/account')
      expect(world.account.sql.written).toBe(written)
      world.clock.now += 14 * MINUTE_MS
      expect(isSignedIn(await browser.open('/account'))).toBe(true)
      world.clock.now += 14 * MINUTE_MS
      expect(isSignedIn(await browser.open('/account'))).toBe(true)
      world.clock.now += 15 * MINUTE_MS
      expect(isSignedIn(await browser.open('/account'))).toBe(false)
    }))

  it('after 7 days where it is remembered, however it is used', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      await signIn(browser, { remember: 'yes' })
      world.clock.now += 7 * 24 * 60 * MINUTE_MS - 1
      expect(isSignedIn(await browser.open('/account'))).toBe(true)
      world.clock.now += 1
      expect(isSignedIn(await browser.open('/account'))).toBe(false)
    }))

  it('by signing out, with its row and its cookie', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const page = await signIn(browser)
      const secret = browser.cookies.get(COOKIE)
      expect(isSignedIn(await browser.submit(page, 'Sign out'))).toBe(false)
      expect([rows(world), browser.cookies.get(COOKIE)]).toEqual([[], undefined])
      browser.cookies.set(COOKIE, secret ?? '')
      expect(isSignedIn(await browser.open('/account'))).toBe(false)
    }))

  it('with a new account password', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      await signIn(browser, { remember: 'yes' })
      await world.restart()
      expect(isSignedIn(await browser.open('/account'))).toBe(true)
      await world.restart({ SESSION_SECRET: 'another-'.padEnd(64, 'y') })
      expect(isSignedIn(await browser.open('/account'))).toBe(false)
    }))
})

describe('a page is refused', () => {
  it.each([
    ['in a frame', { 'sec-fetch-dest': 'iframe' }],
    ['by a script', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['as an image', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
  ])('%s', (_, headers) =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      await signIn(browser)
      const page = await browser.open('/account', headers)
      expect([page.status, isSignedIn(page)]).toEqual([403, false])
    }),
  )

  it('but for a link from another site', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      await signIn(browser)
      expect(isSignedIn(await browser.open('/account', { 'sec-fetch-site': 'cross-site' }))).toBe(true)
    }))
})

describe('a form is refused', () => {
  it.each([
    ['from another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['from a neighbour', { 'sec-fetch-site': 'same-site', origin: 'https://evil.cirrus.example.com' }],
    ['without an origin', { origin: '' }],
    ['of an opaque origin', { origin: 'null' }],
    ['whose referrer is another page', { referer: 'https://evil.example/' }],
    ['whose referrer only begins like ours', { referer: `${ORIGIN}.evil.example/` }],
    ['that a script sends', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['of another type', { 'content-type': 'text/plain' }],
  ])('%s', (_, headers) =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const page = await signIn(browser)
      const answer = await browser.submit(page, 'Sign out', {}, headers)
      expect([400, 403]).toContain(answer.status)
      expect(rows(world)).toHaveLength(1)
    }),
  )

  it.each([
    ['none', ''],
    ['one that was made up', 'x'.repeat(43)],
  ])('with a token that is %s', (_, token) =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const answer = await browser.submit(await signIn(browser), 'Sign out', { token })
      expect(answer.status).toBe(403)
      expect(rows(world)).toHaveLength(1)
    }),
  )

  it('with the token of another browser, or of the form for signing in', () =>
    inWorld({}, async (world) => {
      const [browser, other] = [browse(world), browse(world)]
      const [before, page, theirs] = [
        await browser.open('/account'),
        await signIn(browser),
        await signIn(other),
      ]
      const tokens = [formOf(theirs, 'Sign out'), formOf(before, 'password')].map(
        ({ fields }) => new Map(fields).get('token') ?? '',
      )
      for (const token of tokens) expect((await browser.submit(page, 'Sign out', { token })).status).toBe(403)
      expect(rows(world)).toHaveLength(2)
    }))

  it('for signing in, with the token of another browser: nobody can be signed in to an account that is not theirs', () =>
    inWorld({}, async (world) => {
      const [browser, other] = [browse(world), browse(world)]
      await browser.open('/account')
      const answer = await browser.submit(await other.open('/account'), 'password', { password: PASSWORD })
      expect([answer.status, rows(world)]).toEqual([403, []])
    }))

  it('that is too large', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const answer = await browser.submit(await browser.open('/account'), 'password', {
        password: 'x'.repeat(20_000),
      })
      expect(answer.status).toBe(400)
      expect(world.checks).toEqual([])
    }))
})

it('goes on with what was open when the owner signs in again in the same browser', () =>
  inWorld({}, async (world) => {
    const browser = browse(world)
    const form = await browser.open('/account')
    const open = await browser.submit(form, 'password', { password: PASSWORD })
    await browser.submit(form, 'password', { password: PASSWORD })
    expect((await browser.submit(open, 'Sign out')).status).toBe(200)
    expect(rows(world)).toEqual([])
  }))

describe('every answer', () => {
  it.each(['/account', '/account/nothing', '/account/sign-out'])(
    'of %s has the headers that keep other sites out',
    (path) =>
      inWorld({}, async (world) => {
        const response = await browse(world).send(path)
        expect(Object.fromEntries(response.headers)).toMatchObject({
          'cache-control': 'no-store',
          'cross-origin-opener-policy': 'same-origin',
          'cross-origin-resource-policy': 'same-origin',
          'referrer-policy': 'same-origin',
          'strict-transport-security': 'max-age=31536000',
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'DENY',
        })
        expect(response.headers.has('access-control-allow-origin')).toBe(false)
      }),
  )

  it('has a policy that lets in nothing but our stylesheet', () =>
    inWorld({}, async (world) => {
      const { headers } = await browse(world).open('/account')
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      )
    }))

  it('to HEAD is that to GET without its body', () =>
    inWorld({}, async (world) => {
      const response = await browse(world).send('/account', { method: 'HEAD' })
      expect([response.status, await response.text()]).toEqual([200, ''])
    }))

  it('to another method is a page', () =>
    inWorld({}, async (world) => {
      expect((await browse(world).send('/account', { method: 'OPTIONS' })).status).toBe(405)
    }))
})

it('has one stylesheet, which a browser keeps for ever', () =>
  inWorld({}, async (world) => {
    const browser = browse(world)
    const page = await browser.open('/account')
    expect(page.body.match(/<link [^>]*>/g)).toEqual([
      `<link rel="stylesheet" href="${ASSETS.style.path}" />`,
    ])
    expect(page.body).not.toMatch(/<script|<style|\sstyle=|\son\w+=/)
    const response = await browser.send(ASSETS.style.path)
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8')
  }))

describe('the language', () => {
  it('is the one that the browser asks for, and stays the one that was chosen', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const german = { 'accept-language': 'fr, de-AT;q=0.8, en;q=0.5' }
      expect((await browser.open('/account', german)).body).toContain('<html lang="de">')
      expect((await browser.open('/account')).body).toContain('<html lang="en">')
      expect((await browser.open('/account?lang=de')).path).toBe('/account')
      expect((await browser.open('/account')).text).toContain('Passwort des Kontos')
      expect((await browser.open('/account?lang=en', german)).text).toContain('Account password')
    }))

  it('that is unknown changes nothing', () =>
    inWorld({}, async (world) => {
      expect((await browse(world).open('/account?lang=constructor')).body).toContain('<html lang="en">')
    }))
})

it('names the handle, which is public, so that only the password is left to type', () =>
  inWorld({}, async (world) => {
    expect((await browse(world).open('/account')).body).toContain(`value="${HANDLE}"`)
  }))
