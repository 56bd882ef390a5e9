/** An app sends the owner here: signing in, consent, and the way back. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HANDLE, inWorld, ORIGIN, PASSWORD, type World } from '../handlers/support/world.ts'
import {
  type App,
  CALLBACK,
  CLIENT_HOST,
  CLIENT_ID,
  createApp,
  type Form,
  publishApp,
  publishConfidentialApp,
  tokensOf,
} from '../oauth/support/app.ts'
import { browse, type Browser, formOf, type Shown } from './support/browser.ts'

const MINUTE_MS = 60_000

const pathOf = (requestUri: string, clientId = CLIENT_ID): string =>
  `/oauth/authorize?${new URLSearchParams({ client_id: clientId, request_uri: requestUri })}`

/** The page that an app sends the owner to. */
const open = async (browser: Browser, app: App, changed?: Form): Promise<Shown> =>
  browser.open(pathOf(await app.request(changed), app.clientId), { 'sec-fetch-site': 'cross-site' })

const password = (browser: Browser, page: Shown, fields: Record<string, string> = {}): Promise<Shown> =>
  browser.submit(page, 'type="password"', { password: PASSWORD, ...fields })

/** Signs in and comes to the question. */
const toConsent = async (browser: Browser, app: App, changed?: Form): Promise<Shown> =>
  password(browser, await open(browser, app, changed))

const answer = (browser: Browser, page: Shown, action: 'approve' | 'deny'): Promise<Shown> =>
  browser.submit(page, 'value="approve"', { action })

/** Where the browser was sent. */
const sent = ({ status, headers }: Shown): { status: number; to: string; params: Record<string, string> } => {
  const location = headers.get('location') ?? ''
  const [to = '', query = ''] = location.split(/[?#]/)
  return { status, to, params: Object.fromEntries(new URLSearchParams(query)) }
}

const isConsent = ({ text }: Shown): boolean => text.includes('Let this app in?')

describe('an app is let in', () => {
  it('after the owner has signed in and approved, and gets a code that it can exchange', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const signIn = await open(browser, app)
      expect(signIn.text).toContain('It does not get your password')
      const consent = await password(browser, signIn)
      expect(isConsent(consent)).toBe(true)
      const { status, to, params } = sent(await answer(browser, consent, 'approve'))
      expect([status, to, params.iss, params.state]).toEqual([303, CALLBACK, ORIGIN, 'the-state'])
      expect(tokensOf(await app.exchange(params.code ?? '')).sub).toBe(world.did)
      expect(world.journal().slice(-2)).toEqual(['sign-in', 'grant'])
    }))

  it('or not: the app learns that it was denied', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const back = sent(await answer(browser, await toConsent(browser, app), 'deny'))
      expect(back).toEqual({
        status: 303,
        to: CALLBACK,
        params: {
          iss: ORIGIN,
          state: 'the-state',
          error: 'access_denied',
          error_description: 'the owner of the account did not let the app in',
        },
      })
      expect(world.journal()).not.toContain('grant')
    }))

  it('without signing in again where the owner is signed in, but not without a question', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      await answer(browser, await toConsent(browser, app), 'approve')
      expect(isConsent(await open(browser, app))).toBe(true)
    }))

  it.each([
    ['identity:handle', 'is asked for again'],
    ['account:status?action=manage', 'is asked for again'],
    ['transition:generic', 'is not asked for'],
  ])('with %s by an owner whose sign-in is older than ten minutes: the password %s', (scope, asked) =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      publishApp(world, { scope: `atproto ${scope}` })
      const app = await createApp(world)
      const form = { scope: `atproto ${scope}` }
      const [consent, again] = [await toConsent(browser, app, form), await open(browser, app, form)]
      expect([isConsent(consent), isConsent(again)]).toEqual([true, true])
      world.clock.now += 10 * MINUTE_MS
      const isAsked = asked === 'is asked for again'
      const late = await open(browser, app, form)
      expect(isConsent(late)).toBe(!isAsked)
      const page = isAsked ? await password(browser, late) : late
      expect(isConsent(page)).toBe(true)
      expect(sent(await answer(browser, page, 'approve')).params.code).toBeDefined()
    }),
  )

  it('with what is most at stake only on a page that was answered within ten minutes', () =>
    inWorld({}, async (world) => {
      const browser = browse(world)
      publishApp(world, { scope: 'atproto identity:*' })
      const app = await createApp(world)
      const form = { scope: 'atproto identity:*' }
      await toConsent(browser, app, form)
      world.clock.now += 8 * MINUTE_MS
      const consent = await open(browser, app, form)
      expect(isConsent(consent)).toBe(true)
      world.clock.now += 2 * MINUTE_MS
      const late = await answer(browser, consent, 'approve')
      expect(late.headers.get('location') ?? '').not.toContain(CALLBACK)
      expect(late.text).toContain('please enter your password again')
      expect(world.journal()).not.toContain('grant')
    }))

  it('once for each request', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const consent = await toConsent(browser, app)
      await answer(browser, consent, 'approve')
      const again = await answer(browser, consent, 'approve')
      expect([again.status, again.headers.get('location')]).toEqual([400, null])
      expect(again.text).toContain('Go back to the app and begin signing in again')
    }))

  it('not before the owner has signed in, and not by a browser that only has the page', () =>
    inWorld({}, async (world) => {
      const [owner, other, app] = [browse(world), browse(world), await createApp(world)]
      const consent = await toConsent(owner, app)
      const there = await other.submit(consent, 'value="approve"', { action: 'approve' })
      expect(there.text).toContain('Account password')
      expect(world.journal()).not.toContain('grant')
    }))

  it('by the page that was open before the owner signed in again in another tab', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const form = await browser.open('/account')
      const consent = await toConsent(browser, app)
      await password(browser, form)
      expect(sent(await answer(browser, consent, 'approve')).params.code).toBeDefined()
    }))

  it('back to the app before signing in, too', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const back = await browser.submit(await open(browser, app), 'Back to the app')
      expect(sent(back).params.error).toBe('access_denied')
    }))
})

describe('strangers who begin a hundred sign-ins at the server of the same app', () => {
  const SERVER = { headers: { 'cf-connecting-ip': '198.51.100.9' } }
  const begin = async (app: App): Promise<string> => String((await app.push({}, SERVER)).body.request_uri)
  const flood = async (world: World, app: App): Promise<void> => {
    for (let n = 0; n < 100; n++) {
      world.clock.now++
      await begin(app)
    }
  }

  it('do not push out the request that the owner is looking at', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const page = await browser.open(pathOf(await begin(app)), { 'sec-fetch-site': 'cross-site' })
      const consent = await password(browser, page)
      await flood(world, app)
      expect(sent(await answer(browser, consent, 'approve')).params.code).toBeDefined()
    }))

  it('keep none of theirs by opening it', () =>
    inWorld({}, async (world) => {
      const [stranger, app] = [browse(world), await createApp(world)]
      const path = pathOf(await begin(app))
      const { written } = world.account.sql
      expect((await stranger.open(path)).text).toContain('Account password')
      expect(world.account.sql.written).toBe(written)
      await flood(world, app)
      expect((await stranger.open(path)).status).toBe(400)
    }))

  it('and an opened request writes one row, however often it is opened', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      await password(browser, await browser.open('/account'), { remember: 'on' })
      const path = pathOf(await begin(app))
      const { written } = world.account.sql
      for (let n = 0; n < 3; n++) await browser.open(path)
      expect(world.account.sql.written - written).toBe(1)
    }))
})

describe('the answer goes', () => {
  it('into the fragment where the app wants it there', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const page = await answer(
        browser,
        await toConsent(browser, app, { response_mode: 'fragment' }),
        'approve',
      )
      expect(page.headers.get('location')).toMatch(`${CALLBACK}#iss=`)
    }))

  it('by a form with a button where the app wants a POST, without a script', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const page = await answer(
        browser,
        await toConsent(browser, app, { response_mode: 'form_post' }),
        'approve',
      )
      const { to, fields } = formOf(page, 'Go back to the app')
      expect([page.status, to]).toEqual([200, CALLBACK])
      expect(Object.keys(Object.fromEntries(fields))).toEqual(['iss', 'state', 'code'])
      expect(page.body).not.toContain('<script')
      expect(page.headers.get('content-security-policy')).not.toContain('form-action')
    }))

  it('to no address but one of the app’s: nothing in the address or in the form changes it', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const evil = {
        redirect_uri: 'https://evil.example/',
        next: 'https://evil.example/',
        to: '//evil.example',
      }
      const path = `${pathOf(await app.request())}&${new URLSearchParams(evil)}`
      const consent = await password(browser, await browser.open(path), evil)
      const page = await browser.submit(consent, 'value="approve"', { ...evil, action: 'approve' })
      expect(sent(page).to).toBe(CALLBACK)
    }))
})

describe('prompt', () => {
  it('none is answered without a page: not signed in, not consented, and approved', () =>
    inWorld({}, async (world) => {
      const app = await publishConfidentialApp(world)
      const browser = browse(world)
      expect(sent(await open(browser, app, { prompt: 'none' })).params.error).toBe('login_required')
      const consent = await toConsent(browser, app)
      expect(sent(await open(browser, app, { prompt: 'none' })).params.error).toBe('consent_required')
      const { code = '' } = sent(await answer(browser, consent, 'approve')).params
      expect(code).not.toBe('')
      await app.signIn()
      expect(sent(await open(browser, app, { prompt: 'none' })).params.code).toBeDefined()
    }))

  it('login asks for the password again, once', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      await toConsent(browser, app)
      world.clock.now += MINUTE_MS
      const page = await open(browser, app, { prompt: 'login' })
      expect(page.text).toContain('please enter your password again')
      world.clock.now += MINUTE_MS
      expect(isConsent(await password(browser, page))).toBe(true)
    }))

  it('login cannot be passed over by approving at once', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const first = await toConsent(browser, app)
      world.clock.now += MINUTE_MS
      const page = await open(browser, app, { prompt: 'login' })
      const token = new Map(formOf(first, 'value="approve"').fields).get('token') ?? ''
      const answered = await browser.submit(page, 'type="password"', { action: 'approve', token })
      expect(answered.text).toContain('please enter your password again')
      expect(world.journal()).not.toContain('grant')
    }))

  it.each(['consent', 'select_account'])('%s asks, also where as much was granted before', (prompt) =>
    inWorld({}, async (world) => {
      const app = await publishConfidentialApp(world)
      const browser = browse(world)
      await app.signIn()
      expect(isConsent(await toConsent(browser, app, { prompt, login_hint: HANDLE }))).toBe(true)
    }),
  )
})

describe('login_hint', () => {
  it('that names the owner lets a client in that was let in before, without a question', () =>
    inWorld({}, async (world) => {
      const app = await publishConfidentialApp(world)
      await app.signIn()
      const page = await toConsent(browse(world), app, { login_hint: HANDLE.toUpperCase() })
      expect(sent(page).params.code).toBeDefined()
    }))

  it('that names another account is refused kindly, with a way back', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const page = await open(browser, app, { login_hint: 'bob.example.com' })
      expect(page.text).toContain('bob.example.com')
      expect(page.text).toContain(`one account only: @${HANDLE}`)
      expect(page.body).not.toContain('type="password"')
      expect(sent(await browser.submit(page, 'Back to the app')).params.error).toBe('access_denied')
    }))
})

describe('what is wrong with a request is said on a page, and nobody is sent anywhere', () => {
  it.each([
    ['nothing at all', '/oauth/authorize'],
    [
      'a request without a client',
      '/oauth/authorize?request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Areq-1',
    ],
    ['a request that was never made', pathOf(`urn:ietf:params:oauth:request_uri:req-${'0'.repeat(32)}`)],
    [
      'a request in the old way',
      `/oauth/authorize?client_id=${CLIENT_ID}&redirect_uri=https%3A%2F%2Fevil.example&response_type=code`,
    ],
  ])('%s', (_, path) =>
    inWorld({}, async (world) => {
      publishApp(world)
      const page = await browse(world).open(path)
      expect([page.status, page.headers.get('location')]).toEqual([400, null])
      expect(page.text).toContain(
        'go back to the app'.replace('go', page.text.includes('Go back') ? 'Go' : 'go'),
      )
    }),
  )

  it('the request of another app', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      world.hosts.set('other.example.org', () => new Response('{}', { status: 404 }))
      const page = await browse(world).open(
        pathOf(await app.request(), 'https://other.example.org/client.json'),
      )
      expect([page.status, page.headers.get('location')]).toEqual([400, null])
    }))

  it('a request that is more than five minutes old', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const consent = await toConsent(browser, app)
      world.clock.now += 5 * MINUTE_MS
      expect((await answer(browser, consent, 'approve')).status).toBe(400)
    }))

  it('an app whose document is gone', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const path = pathOf(await app.request())
      world.hosts.set('app.example.org', () => new Response('<b>gone</b>', { status: 410 }))
      await world.restart()
      const page = await browser.open(path)
      expect([page.status, page.headers.get('location')]).toEqual([400, null])
    }))
})

describe('the page is refused', () => {
  it.each([
    ['in a frame', { 'sec-fetch-dest': 'iframe' }],
    ['by a script', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
  ])('%s', (_, headers) =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const page = await browser.open(pathOf(await app.request()), headers)
      expect(page.status).toBe(403)
    }),
  )

  it('where another site sends its form', () =>
    inWorld({}, async (world) => {
      const [browser, app] = [browse(world), await createApp(world)]
      const consent = await toConsent(browser, app)
      const headers = { origin: 'https://app.example.org', 'sec-fetch-site': 'cross-site', referer: CALLBACK }
      const page = await browser.submit(consent, 'value="approve"', { action: 'approve' }, headers)
      expect([page.status, world.journal().includes('grant')]).toEqual([403, false])
    }))
})

describe('what an app says of itself', () => {
  it('is shown beside its address, which comes first, as a claim', () =>
    inWorld({}, async (world) => {
      publishApp(world, { client_name: 'Bluesky' })
      const { text } = await toConsent(browse(world), await createApp(world))
      expect(text.indexOf('app.example.org')).toBeLessThan(text.indexOf('Bluesky'))
      expect(text).toContain('It calls itself “ Bluesky ”')
      expect(text).toContain('New here: this app has no access to your account so far')
    }))

  it('is not warned of where the app has access', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      await app.signIn()
      expect((await toConsent(browse(world), app)).text).not.toContain('New here')
    }))

  it('is said to be a program of one’s own computer for a loopback client', () =>
    inWorld({}, async (world) => {
      const redirectUri = 'http://127.0.0.1:8080/callback'
      const clientId = `http://localhost?${new URLSearchParams({ redirect_uri: redirectUri, scope: 'atproto transition:generic' })}`
      const app = await createApp(world, { clientId, redirectUri })
      const { text, body } = await toConsent(browse(world), app)
      expect(text).toContain('a program that says it runs on your own computer')
      expect(text).toContain('App an app on your own computer')
      expect(text).toContain('Afterwards you go to 127.0.0.1:8080')
      // Its address says nothing to a person, and stands whole where they look for it.
      const [details = ''] = body.match(/<details[\s\S]*?<\/details>/) ?? []
      expect(details).toContain(clientId.replaceAll('&', '&amp;'))
      expect(body.replace(details, '').replaceAll(/<[^>]*>/g, '')).not.toContain('redirect_uri')
    }))

  it('is text, whatever it is', () =>
    inWorld({}, async (world) => {
      const hostile = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.constantFrom(
          '<script>alert(1)</script>',
          '"><img src=x onerror=y>',
          "' autofocus onfocus='x",
          '&lt;b&gt;',
          '</bdi></dd>',
        ),
        fc.string({
          unit: fc.constantFrom('\u202e', '\u2066', '\u200b', '<', '"', "'", '&', 'a', '\u0000'),
          maxLength: 40,
        }),
      )
      const page = async (name: string): Promise<Shown> => {
        publishApp(world, { client_name: name })
        await world.restart()
        return await open(browse(world), await createApp(world))
      }
      const tags = ({ body }: Shown): string[] =>
        (body.match(/<[a-z/!][^>]*>/gi) ?? []).map((tag) => tag.replace(/="[^"]*"/g, ''))
      // A name of which nothing is seen is left out.
      const plain = [tags(await page('x')), tags(await page('\u0000'))]
      let seen = 0
      await fc.assert(
        fc.asyncProperty(
          hostile.filter((name) => name.trim() !== ''),
          async (name) => {
            const shown = await page(name)
            expect(shown.status).toBe(200)
            if (shown.text.includes('It calls itself')) seen++
            expect(shown.body).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b]/)
            expect(plain).toContainEqual(tags(shown))
          },
        ),
        { numRuns: 40 },
      )
      expect(seen).toBeGreaterThan(10)
    }))

  it('never hides the end of its address, which says whose it is', () =>
    inWorld({}, async (world) => {
      const host = `bsky.social.${'sign-in-'.repeat(7)}x.${'account-'.repeat(7)}x.app.example.org`
      const [clientId, redirectUri] = [`https://${host}/client.json`, `https://${host}/callback`]
      publishApp(world, { client_id: clientId, redirect_uris: [redirectUri] })
      world.hosts.set(host, world.hosts.get(CLIENT_HOST) ?? (() => Response.error()))
      const browser = browse(world)
      const app = await createApp(world, { clientId, redirectUri })
      expect((await toConsent(browser, app)).text.split(` ${host} `)).toHaveLength(3)
      await app.signIn()
      expect((await browser.open('/account/apps')).text).toContain(` ${host} `)
    }))

  it('is cut in length', () =>
    inWorld({}, async (world) => {
      publishApp(world, { client_name: 'x'.repeat(500) })
      const page = await open(browse(world), await createApp(world))
      expect([page.status, /x{20}/.test(page.body), /x{100}/.test(page.body)]).toEqual([200, true, false])
    }))
})

it('speaks the language that the app asks for, unless the owner chose another', () =>
  inWorld({}, async (world) => {
    const [browser, app] = [browse(world), await createApp(world)]
    expect((await open(browser, app, { ui_locales: 'fr de-CH' })).body).toContain('<html lang="de">')
    const path = pathOf(await app.request({ ui_locales: 'de' }))
    const switched = await browser.open(`${path}&lang=en`)
    expect([switched.path, switched.body.includes('<html lang="en">')]).toEqual([path, true])
  }))

it('puts apps with access on the page Apps, where the owner ends them', () =>
  inWorld({}, async (world) => {
    const [browser, app] = [browse(world), await createApp(world)]
    const tokens = await app.signIn()
    await password(browser, await browser.open('/account'))
    const page = await browser.open('/account/apps')
    expect(page.text).toContain('app.example.org')
    const [grant] = world.account.oauth.grants.list()
    await browser.submit(page, `value="${grant?.id}"`)
    expect(world.account.oauth.grants.list()).toEqual([])
    expect((await app.refresh(tokens.refresh_token)).status).toBe(400)
  }))
