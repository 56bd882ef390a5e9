// Passkeys on the pages, without a browser's script: what it would put into the forms, the tests put there.
import { describe, expect, it } from 'vitest'
import { ASSETS } from '../../src/generated/assets.ts'
import { addPasskey, ceremony, newLink } from '../account/oauth/passkeys/support/ceremonies.ts'
import { HANDLE, inWorld, PASSWORD, type World } from '../handlers/support/world.ts'
import { type Authenticator, createAuthenticator, FLAGS, sha256 } from '../webauthn/support/authenticator.ts'
import { createApp } from '../oauth/support/app.ts'
import { browse, type Browser, type Shown } from './support/browser.ts'
import { signedIn } from './support/signedIn.ts'

const REGISTER = '/account/passkeys/register'

/** The options that the page has for the browser. */
const optionsOf = ({ body }: Shown): { challenge: string } => {
  const [, text = ''] = /data-options="([^"]*)"/.exec(body) ?? []
  return JSON.parse(text.replaceAll('&quot;', '"').replaceAll('&amp;', '&')) as { challenge: string }
}

const signInWith = (page: Shown, authenticator: Authenticator) => ({
  passkey: JSON.stringify(authenticator.answer(ceremony(optionsOf(page)))),
})

const openLink = async (browser: Browser, link: string): Promise<Shown> =>
  browser.submit(await browser.open(REGISTER), 'data-link', { link })

const withPasskey = async ({ account, clock }: World, name = 'laptop', id?: Uint8Array) => {
  const authenticator = await addPasskey(account.oauth.passkeys, name, id)
  clock.now += 1000
  return authenticator
}

describe('registering by a link', () => {
  it('shows a page that knows no secret, and lets our own script run and no other', () =>
    inWorld({}, async (world) => {
      const page = await browse(world).open(REGISTER)
      expect(page.status).toBe(200)
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
      expect(page.headers.get('referrer-policy')).toBe('same-origin')
      expect(page.body).toContain(`<script src="${ASSETS.passkeys.path}" defer></script>`)
      expect(page.body.match(/<script/g)).toHaveLength(1)
      expect(page.body).not.toMatch(/\son[a-z]+=/)
    }))

  it('registers a passkey for a browser that is not signed in, once, and signs nobody in', () =>
    inWorld({}, async (world) => {
      const { passkeys } = world.account.oauth
      const browser = browse(world)
      const link = newLink(passkeys)
      const page = await openLink(browser, link)
      expect(page.text).toContain('Create the passkey')
      const answer = createAuthenticator().register(ceremony(optionsOf(page)))
      const fields = { name: ' laptop ', passkey: JSON.stringify(answer) }
      const done = await browser.submit(page, 'data-passkey', fields)
      expect([done.status, done.text]).toEqual([200, expect.stringContaining('“laptop” is registered')])
      expect(passkeys.list()).toMatchObject([{ name: 'laptop' }])
      const again = await browser.submit(page, 'data-passkey', fields)
      expect([again.status, again.text]).toEqual([403, expect.stringContaining('This link was used already')])
      expect((await browser.open('/account')).text).toContain('Sign in')
    }))

  it('shows the name and the mistake again, with a new challenge', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const page = await openLink(browser, newLink(world.account.oauth.passkeys))
      const wrong = { origin: 'https://evil.example' }
      const answer = createAuthenticator().register(ceremony(optionsOf(page), wrong))
      const refused = await browser.submit(page, 'data-passkey', {
        name: '"><b>laptop',
        passkey: JSON.stringify(answer),
      })
      expect([refused.status, refused.text]).toEqual([
        400,
        expect.stringContaining('This passkey was refused'),
      ])
      expect(refused.body).toContain('value="&quot;&gt;&lt;b&gt;laptop"')
      expect(optionsOf(refused).challenge).not.toBe(optionsOf(page).challenge)
      const nonsense = await browser.submit(refused, 'data-passkey', { name: 'x', passkey: '{' })
      expect(nonsense.status).toBe(400)
      expect(world.account.oauth.passkeys.list()).toEqual([])
    }))

  it('refuses a link that is unknown, and one that is too old', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const link = newLink(world.account.oauth.passkeys)
      expect((await openLink(browser, 'x')).status).toBe(403)
      world.clock.now += 10 * 60_000
      const late = await openLink(browser, link)
      expect([late.status, late.text]).toEqual([403, expect.stringContaining('older than ten minutes')])
    }))

  it('takes no form that another site has sent', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      const link = newLink(world.account.oauth.passkeys)
      const page = await browser.open(REGISTER)
      const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
      expect((await browser.submit(page, 'data-link', { link }, foreign)).status).toBe(403)
      expect((await browser.submit(page, 'data-link', { link, token: 'x'.repeat(43) })).status).toBe(403)
    }))
})

describe('signing in', () => {
  it('asks for a passkey only where there is one, and has a script only then', () =>
    inWorld({}, async (world) => {
      const before = await browse(world).open('/account')
      expect(before.body).not.toContain('data-passkey')
      expect(before.headers.get('content-security-policy')).not.toContain('script-src')
      const { id } = await withPasskey(world)
      const after = await browse(world).open('/account')
      expect(after.text).toContain('Sign in with a passkey')
      expect(after.headers.get('content-security-policy')).toContain("script-src 'self'")
      expect(after.body).not.toContain(id)
    }))

  it('by a passkey opens the page that was asked for, with a cookie that scripts cannot read', () =>
    inWorld({}, async (world) => {
      const authenticator = await withPasskey(world)
      const browser = browse(world)
      const page = await browser.open('/account/passkeys')
      const opened = await browser.submit(page, 'data-passkey', signInWith(page, authenticator))
      expect([opened.status, opened.path]).toEqual([200, '/account/passkeys'])
      expect(opened.text).toContain('laptop')
      expect(world.account.oauth.browserSignIns.list()).toMatchObject([
        { via: 'passkey', isRemembered: false },
      ])
      expect(world.account.journal.recent(2).map(({ event }) => event)).toEqual(['sign-in', 'use-passkey'])
    }))

  it('to let an app in takes a passkey, too, also while the password is off', () =>
    inWorld({}, async (world) => {
      const authenticator = await withPasskey(world)
      world.account.oauth.passkeys.setPasswordEnabled(false, 'admin')
      const [browser, app] = [browse(world), await createApp(world)]
      const query = new URLSearchParams({ client_id: app.clientId, request_uri: await app.request() })
      const page = await browser.open(`/oauth/authorize?${query}`, { 'sec-fetch-site': 'cross-site' })
      expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
      const asked = await browser.submit(page, 'data-passkey', signInWith(page, authenticator))
      expect([asked.status, asked.text]).toEqual([200, expect.stringContaining('Let this app in?')])
      expect(asked.headers.get('content-security-policy')).not.toContain('script-src')
    }))

  it('takes an answer once, and says so', () =>
    inWorld({}, async (world) => {
      const authenticator = await withPasskey(world)
      const [first, second] = [browse(world), browse(world)]
      const pages = [await first.open('/account'), await second.open('/account')] as const
      const fields = signInWith(pages[0], authenticator)
      await first.submit(pages[0], 'data-passkey', fields)
      const again = await second.submit(pages[1], 'data-passkey', fields)
      expect([again.status, again.text]).toEqual([403, expect.stringContaining('Try again')])
      expect(world.account.oauth.browserSignIns.list()).toHaveLength(1)
    }))

  it.each([
    ['of another site', { origin: 'https://evil.example' }, 'This passkey was refused'],
    ['without user verification', { flags: FLAGS.up }, 'This passkey was refused'],
    ['of a copy', { counter: 1 }, 'there seems to be a copy of it'],
  ])('by a passkey %s is refused', (_, wrong, message) =>
    inWorld({}, async (world) => {
      const authenticator = await withPasskey(world)
      const browser = browse(world)
      const page = await browser.open('/account')
      const passkey = JSON.stringify(authenticator.answer(ceremony(optionsOf(page), wrong)))
      const refused = await browser.submit(page, 'data-passkey', { passkey })
      expect([refused.status, refused.text]).toEqual([403, expect.stringContaining(message)])
      expect(world.account.oauth.browserSignIns.list()).toEqual([])
    }),
  )

  it('takes no password while it is switched off, and shows no field for one', () =>
    inWorld({}, async (world) => {
      const authenticator = await withPasskey(world)
      world.account.oauth.passkeys.setPasswordEnabled(false, 'admin')
      const browser = browse(world)
      const page = await browser.open('/account')
      expect(page.body).not.toContain('type="password"')
      expect(page.text).toContain('Signing in by password is turned off')
      const refused = await browser.submit(page, 'data-passkey', { identifier: HANDLE, password: PASSWORD })
      expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('turned off')])
      const opened = await browser.submit(refused, 'data-passkey', signInWith(refused, authenticator))
      expect(opened.text).toContain(HANDLE)
    }))
})

describe('the page for passkeys', () => {
  const opened = async (world: World, authenticator: Authenticator) => {
    const browser = browse(world)
    const page = await browser.open('/account/passkeys')
    return { browser, page: await browser.submit(page, 'data-passkey', signInWith(page, authenticator)) }
  }

  it('is for those who are signed in', () =>
    inWorld({}, async (world) => {
      await withPasskey(world, 'my secret drawer')
      const page = await browse(world).open('/account/passkeys')
      expect(page.text).not.toContain('my secret drawer')
    }))

  it('renames and removes', () =>
    inWorld({}, async (world) => {
      const authenticator = await withPasskey(world, 'laptop', sha256('1'))
      await withPasskey(world, 'phone', sha256('2'))
      const { browser, page } = await opened(world, authenticator)
      const renamed = await browser.submit(page, 'value="phone"', { name: 'tablet' })
      expect(renamed.body).toContain('value="tablet"')
      const bad = await browser.submit(renamed, 'value="tablet"', { name: '\u202e' })
      expect([bad.status, bad.text]).toEqual([400, expect.stringContaining('This name cannot be used')])
      const removed = await browser.submit(renamed, 'Remove the passkey “tablet”')
      expect(removed.body).not.toContain('value="tablet"')
      expect(world.account.oauth.passkeys.list()).toMatchObject([{ name: 'laptop' }])
    }))

  it('ends what a removed passkey may have signed in, but for this browser and those of the password', () =>
    inWorld({}, async (world) => {
      const { passkeys } = world.account.oauth
      const authenticator = await withPasskey(world, 'stolen', sha256('1'))
      await withPasskey(world, 'kept', sha256('2'))
      const { browser: byPassword } = await signedIn(world)
      const { browser: thief } = await opened(world, authenticator)
      world.clock.now += 1000
      const { browser, page } = await opened(world, authenticator)
      await browser.submit(page, 'Remove the passkey “stolen”')
      const isSignedIn = async (of: Browser) => (await of.open('/account')).text.includes('Sign out')
      expect(await Promise.all([thief, browser, byPassword].map(isSignedIn))).toEqual([false, true, true])
      passkeys.remove(passkeys.list()[0]?.id ?? '', 'admin')
      expect(await Promise.all([browser, byPassword].map(isSignedIn))).toEqual([false, true])
    }))

  it('switches the password off and on, and says that removing the last passkey switches it on', () =>
    inWorld({}, async (world) => {
      const authenticator = await withPasskey(world)
      const { passkeys } = world.account.oauth
      const { browser, page } = await opened(world, authenticator)
      const off = await browser.submit(page, 'Switch the password off')
      expect(passkeys.isPasswordEnabled()).toBe(false)
      expect(off.text).toContain('opens neither these pages nor apps')
      expect(off.text).toContain('the password is switched on again')
      const removed = await browser.submit(off, 'Remove the passkey')
      expect(passkeys.isPasswordEnabled()).toBe(true)
      expect(removed.text).toContain('There are none.')
    }))

  it('changes nothing for a sign-in that is older than ten minutes: it asks for another one', () =>
    inWorld({}, async (world) => {
      const authenticator = await withPasskey(world)
      const { browser, page } = await opened(world, authenticator)
      world.clock.now += 11 * 60_000
      const asked = await browser.submit(page, 'Switch the password off')
      expect(asked.text).toContain('Sign in')
      expect(world.account.oauth.passkeys.isPasswordEnabled()).toBe(true)
    }))
})

it('the pages speak German about passkeys', () =>
  inWorld({}, async (world) => {
    await withPasskey(world)
    const page = await browse(world).open('/account', { 'accept-language': 'de' })
    expect(page.text).toContain('Mit einem Passkey anmelden')
  }))
