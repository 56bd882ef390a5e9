/** The pages of the account: where it stands, who is signed in, app passwords. */
import { describe, expect, it } from 'vitest'
import { HANDLE, inWorld, PASSWORD } from '../handlers/support/world.ts'
import { browse } from './support/browser.ts'
import { makeGrant } from '../support/grant.ts'
import { signedIn } from './support/signedIn.ts'

const MINUTE_MS = 60_000

/** Without the spaces and backticks around what is set as code. */
const words = (text: string): string => text.replace(/[\s`]/g, '')

describe('the overview', () => {
  it('has the facts and the next command of pds status', () =>
    inWorld({}, async (world) => {
      const { page } = await signedIn(world)
      const status = await world.admin.com.cirrus.admin.getStatus()
      expect(page.text).toContain(`@${HANDLE}`)
      expect(page.body).toContain('<code>pds migrate-token')
      expect(words(page.text)).toContain(words(status.next))
      expect(page.text).toContain(world.did)
      expect(page.text).toContain('State active')
    }))

  it('says so where the DID cannot be looked up', () =>
    inWorld({}, async (world) => {
      const { browser } = await signedIn(world)
      world.directory.mode = 'down'
      const page = await browser.open('/account')
      expect(page.text).toContain('could not be looked up')
    }))

  it('says what happened last in words', () =>
    inWorld({}, async (world) => {
      const { page, browser } = await signedIn(world)
      expect(page.text).toContain('A sign-in')
      expect(page.body).not.toContain('<code>sign-in</code>')
      const german = await browser.open('/account', { 'accept-language': 'de' })
      expect(german.text).toContain('Eine Anmeldung')
    }))

  it('opens before there is a repository', () =>
    inWorld({ active: false }, async (world) => {
      const { page } = await signedIn(world)
      expect(page.text).toContain('not created yet')
      expect(page.text).toContain('pds activate')
    }))
})

describe.each([
  '/account',
  '/account/apps',
  '/account/app-passwords',
  '/account/app-passwords/new',
  '/account/leaving',
])('%s', (path) => {
  it('asks for the password first, and is shown after it', () =>
    inWorld({}, async (world) => {
      const { page } = await signedIn(world, path)
      expect([page.status, page.path]).toEqual([200, path])
      expect(page.text).toContain('Sign out')
    }))

  it('says all of it in German', () =>
    inWorld({}, async (world) => {
      const { browser } = await signedIn(world)
      const page = await browser.open(path, { 'accept-language': 'de' })
      expect(page.body).toContain('<html lang="de">')
      expect(page.text).toContain('Abmelden')
      expect(page.text).not.toMatch(/undefined|\[object|=>/)
    }))

  it('cannot be changed by a browser that nobody is signed in in', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const page = await browser.open(path)
      const answer = await browser.submit(page, 'password', { action: 'end-all' })
      expect(answer.text).toContain('Sign in')
      expect(world.journal()).toEqual(['activate'])
    }))
})

describe('apps', () => {
  it('lists sessions with how they were opened, and ends one', () =>
    inWorld({}, async (world) => {
      const client = await world.signIn()
      const { password } = world.account.appPasswords.create({ name: 'phone', privileged: false, by: 'test' })
      await world.client.login({ identifier: HANDLE, password })
      const { browser, page } = await signedIn(world, '/account/apps')
      expect(page.text).toContain('app password “phone”')
      expect(page.text).toContain('Signed in by account password')
      const [first] = world.account.sessions.list()
      const after = await browser.submit(page, `value="${first?.id}"`)
      expect(after.path).toBe('/account/apps')
      expect(world.account.sessions.list().map(({ id }) => id)).not.toContain(first?.id)
      expect(world.account.journal.page({ limit: 1 }).entries).toMatchObject([
        { event: 'end-sessions', detail: { reason: 'owner', session: first?.id } },
      ])
      expect(client).toBeDefined()
    }))

  it('lists browsers, and ends another one but not this one', () =>
    inWorld({}, async (world) => {
      const { browser: other } = await signedIn(world)
      const { browser, page } = await signedIn(world, '/account/apps')
      const ids = world.account.oauth.browserSignIns.list().map(({ id }) => id)
      const ended = ids.filter((id) => page.body.includes(`value="${id}"`))
      expect(ended).toHaveLength(1)
      await browser.submit(page, `value="${ended[0]}"`)
      expect((await other.open('/account')).text).not.toContain('Sign out')
      expect((await browser.open('/account')).text).toContain('Sign out')
    }))

  it('names a program on the owner’s computer as one, with where it listens', () =>
    inWorld({}, async (world) => {
      await makeGrant(world.account, 'atproto')
      const clientId = `http://localhost?${new URLSearchParams({ redirect_uri: 'http://127.0.0.1:8080/callback' })}`
      world.account.sql.run('UPDATE oauth_grant SET client_id = ?', clientId)
      const { page, browser } = await signedIn(world, '/account/apps')
      expect(page.text).toContain('an app on your own computer (127.0.0.1:8080)')
      const [details = ''] = page.body.match(/<details[\s\S]*?<\/details>/) ?? []
      expect(details).toContain(clientId)
      expect(page.body.replace(details, '')).not.toContain(clientId)
      world.account.sql.run("UPDATE oauth_grant SET client_id = 'http://localhost'")
      const bare = await browser.open('/account/apps')
      expect(bare.text).toContain('an app on your own computer ')
      expect(bare.body).toContain('aria-label="End the access of an app on your own computer"')
    }))

  it('names browsers and programs as people do, and has the whole text as a title', () =>
    inWorld({}, async (world) => {
      const { browser } = await signedIn(world)
      const { browserSignIns } = world.account.oauth
      const hostile = '"><script>/1.0 '
      const clients = [
        ['Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0', 'Firefox on Android'],
        [
          'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
          'Edge on Windows',
        ],
        [
          'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36',
          'Chrome on Linux',
        ],
        [
          'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
          'Safari on iOS',
        ],
        [
          'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
          'Safari on macOS',
        ],
        [
          'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36',
          'Samsung Internet on Android',
        ],
        ['Mozilla/5.0 (compatible)', 'Mozilla/5.0'],
        ['Graysky/1.0 (Pixel 9)', 'Graysky/1.0'],
        [hostile, '"><script>/1.0'],
        [`${'x'.repeat(200)}`, `${'x'.repeat(60)}…`],
      ] as const
      for (const [client] of clients) browserSignIns.open({ via: 'password', remember: false, client })
      browserSignIns.open({ via: 'password', remember: false, client: undefined })
      const page = await browser.open('/account/apps')
      for (const [client, name] of clients) {
        expect(page.text).toContain(` ${name} `)
        expect(page.body).toContain(
          `title="${client.replace(/["<>]/g, (sign) => ({ '"': '&quot;', '<': '&lt;', '>': '&gt;' })[sign] ?? '')}"`,
        )
      }
      expect(page.text).toContain('This browser: Test/1.0')
      expect(page.text).toContain('a program that did not say its name')
      expect(page.body).not.toContain('<script>/1.0')
      const german = await browser.open('/account/apps', { 'accept-language': 'de' })
      expect(german.text).toContain('Firefox unter Android')
    }))

  it('ends all but this browser', () =>
    inWorld({}, async (world) => {
      await world.signIn()
      await signedIn(world)
      const { browser, page } = await signedIn(world, '/account/apps')
      const after = await browser.submit(page, 'End all of these')
      expect(after.text).toContain('Nothing is signed in by password')
      expect(world.account.oauth.browserSignIns.list()).toHaveLength(1)
      expect(after.text).toContain('Sign out')
    }))
})

describe('app passwords', () => {
  it('are shown once, when they are created, and open a session', () =>
    inWorld({}, async (world) => {
      const { browser, page } = await signedIn(world, '/account/app-passwords/new')
      const created = await browser.submit(page, 'name="name"', { name: 'my phone' })
      const [, password = ''] = /<code class="secret">([^<]*)</.exec(created.body) ?? []
      expect(password).toMatch(/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/)
      expect(created.headers.get('cache-control')).toBe('no-store')
      await world.client.login({ identifier: HANDLE, password })
      const list = await browser.open('/account/app-passwords')
      expect(list.text).toContain('my phone')
      expect(list.body).not.toContain(password)
    }))

  it.each([false, 'deactivated'] as const)('are not created where the account is not active: %s', (active) =>
    inWorld({ active: active === 'deactivated' }, async (world) => {
      if (active === 'deactivated') await world.admin.com.atproto.server.deactivateAccount({})
      const { browser, page } = await signedIn(world, '/account/app-passwords/new')
      expect([page.status, page.text]).toEqual([403, expect.stringContaining('while the account is active')])
      const form = await browser.open('/account/apps')
      const answer = await browser.submit(
        { ...form, body: form.body.replace('/account/sign-out', '/account/app-passwords/new') },
        '/account/app-passwords/new',
        { name: 'early' },
      )
      expect(answer.status).toBe(403)
      expect(world.account.appPasswords.list()).toEqual([])
    }),
  )

  it('with access to messages are so only where it was asked for', () =>
    inWorld({}, async (world) => {
      const { browser, page } = await signedIn(world, '/account/app-passwords/new')
      await browser.submit(page, 'name="name"', { name: 'plain' })
      await browser.submit(page, 'name="name"', { name: 'chat', privileged: 'yes' })
      const made = world.account.appPasswords.list().map(({ name, privileged }) => [name, privileged])
      expect(made).toEqual(
        expect.arrayContaining([
          ['plain', false],
          ['chat', true],
        ]),
      )
    }))

  it('are created only by an owner who signed in just now, else the password is asked for again', () =>
    inWorld({}, async (world) => {
      const { browser, page } = await signedIn(world, '/account/app-passwords/new', { remember: 'yes' })
      world.clock.now += 10 * MINUTE_MS
      const asked = await browser.submit(page, 'name="name"', { name: 'late' })
      expect(asked.text).toContain('please enter your password again')
      expect(world.account.appPasswords.list()).toEqual([])
      const again = await browser.submit(asked, 'type="password"', { password: PASSWORD })
      expect(again.path).toBe('/account/app-passwords/new')
      await browser.submit(again, 'name="name"', { name: 'late' })
      expect(world.account.appPasswords.list()).toHaveLength(1)
      // It stays remembered.
      world.clock.now += 24 * 60 * MINUTE_MS
      expect((await browser.open('/account')).text).toContain('Sign out')
    }))

  it.each([
    ['that is taken', 'phone'],
    ['with characters that are not seen', 'a\u202eb'],
    ['that is empty', ' '],
  ])('are refused with a name %s', (_, name) =>
    inWorld({}, async (world) => {
      world.account.appPasswords.create({ name: 'phone', privileged: false, by: 'test' })
      const { browser, page } = await signedIn(world, '/account/app-passwords/new')
      const answer = await browser.submit(page, 'name="name"', { name })
      expect(answer.status).toBe(400)
      expect(answer.text).toContain('This name cannot be used')
    }),
  )

  it('are revoked by the owner, with their sessions', () =>
    inWorld({}, async (world) => {
      const { password } = world.account.appPasswords.create({ name: 'phone', privileged: false, by: 'test' })
      await world.client.login({ identifier: HANDLE, password })
      const { browser, page } = await signedIn(world, '/account/app-passwords')
      await browser.submit(page, 'value="phone"')
      expect([world.account.appPasswords.list(), world.account.sessions.list()]).toEqual([[], []])
    }))
})
