/**
 * The owner's pages of a real Cirrus in a real Chromium that runs no script: everything by keyboard, on a phone and in a wide
 * window, by day and by night. With PAGES_PICTURES=1 it writes the pictures that docs/account-pages.md shows.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { startPlc, type PlcDirectory } from '../support/plc.ts'
import { CLIENT_ORIGIN, startClientHost, type ClientHost } from './oauth/support/clientHost.ts'
import { startBrowser, violations } from './support/browser.ts'
import { mint, type SourceCirrus } from './support/cirrus.ts'

const DOCS = join(import.meta.dirname, '../../docs')
const MAX_PICTURE_BYTES = 200_000
const PHONE = { width: 360, height: 740 }
const WIDE = { width: 1280, height: 900 }
const SIZES = [
  ['a phone', PHONE],
  ['a wide window', WIDE],
] as const
const SCHEMES = ['light', 'dark'] as const

const REDIRECT_URI = 'http://127.0.0.1:1/callback'
const SCOPE =
  'atproto account:email identity:handle blob:*/* repo:app.bsky.feed.post?action=create repo:app.bsky.feed.like rpc:app.bsky.feed.getTimeline?aud=*'
const LOOPBACK = `http://localhost?${new URLSearchParams({ redirect_uri: REDIRECT_URI, scope: SCOPE })}`
const CLIENT_ID = `${CLIENT_ORIGIN}/app.json`

let clients: ClientHost
let plc: PlcDirectory
let cirrus: SourceCirrus
let browser: Browser
beforeAll(async () => {
  plc = await startPlc()
  clients = await startClientHost()
  clients.publish('/app.json', {
    client_id: CLIENT_ID,
    client_name: 'A friendly app',
    application_type: 'native',
    scope: SCOPE,
    redirect_uris: [REDIRECT_URI],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
    dpop_bound_access_tokens: true,
  })
  cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test', network: clients.network })
  await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 400, blobs: 12 })
  browser = await startBrowser()
})
afterAll(async () => {
  await browser?.close()
  await cirrus?.close()
  await plc?.close()
  await clients?.[Symbol.asyncDispose]()
})

/** The address that an app sends its user to: a request is pushed for it. */
async function authorizeUrl(clientId = CLIENT_ID): Promise<string> {
  const verifier = randomBytes(32).toString('base64url')
  const answer = await fetch(`${cirrus.url}/oauth/par`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: clientId,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      scope: SCOPE,
      state: 'the-state',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }),
  })
  const pushed: unknown = await answer.json()
  const { request_uri: requestUri } = Object(pushed)
  if (typeof requestUri !== 'string') throw new Error(`the push was refused: ${JSON.stringify(pushed)}`)
  return `${cirrus.url}/oauth/authorize?${new URLSearchParams({ client_id: clientId, request_uri: requestUri })}`
}

interface Opened extends AsyncDisposable {
  context: BrowserContext
  page: Page
}

/** A window. Only axe-core needs script: whoever does things on a page has none. */
async function open(
  viewport: { width: number; height: number } = WIDE,
  colorScheme: 'light' | 'dark' = 'light',
  javaScriptEnabled = false,
): Promise<Opened> {
  const context = await browser.newContext({ viewport, colorScheme, locale: 'en', javaScriptEnabled })
  const page = await context.newPage()
  return { context, page, [Symbol.asyncDispose]: () => context.close() }
}

/** Presses Tab until the element with this role and name has the focus, as somebody without a mouse does. */
async function tabTo(
  page: Page,
  role: 'button' | 'link' | 'textbox' | 'checkbox',
  name: string,
): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: true })
  for (let n = 0; n < 40; n++) {
    if ((await wanted.and(page.locator(':focus')).count()) > 0) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not come to the ${role} ${name}`)
}

/** Signs in on the form that is open. */
async function enter(page: Page): Promise<void> {
  await page.getByLabel('Account password').fill(cirrus.password)
  await page.keyboard.press('Enter')
  await page.getByLabel('Account password').waitFor({ state: 'detached' })
}

/** How many pixels of the page are beside the window. */
const beside = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - window.innerWidth')

/** Where the browser is sent next: nothing listens there. */
const arrival = (context: BrowserContext): Promise<URL> =>
  context
    .waitForEvent('request', (sent) => sent.url().startsWith(REDIRECT_URI))
    .then((sent) => new URL(sent.url()))

it('signs in and lets an app in by keyboard only, without a script', async () => {
  await using opened = await open()
  const { page, context } = opened
  await page.goto(await authorizeUrl())
  // The password has the focus at once.
  await page.keyboard.type(cirrus.password)
  await tabTo(page, 'checkbox', 'Stay signed in for 7 days')
  await page.keyboard.press('Space')
  await tabTo(page, 'button', 'Sign in')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Let this app in?', level: 1 }).waitFor()
  const arrived = arrival(context)
  await tabTo(page, 'button', 'Allow')
  await page.keyboard.press('Enter')
  const { searchParams } = await arrived
  expect([searchParams.get('iss'), searchParams.get('state')]).toEqual([cirrus.url, 'the-state'])
  expect(searchParams.get('code')).toBeTruthy()
})

it('says no by keyboard, too', async () => {
  await using opened = await open()
  const { page, context } = opened
  await page.goto(await authorizeUrl())
  await enter(page)
  const arrived = arrival(context)
  await tabTo(page, 'button', 'Deny')
  await page.keyboard.press('Enter')
  expect((await arrived).searchParams.get('error')).toBe('access_denied')
})

it('passes over the beginning of the page by the first link', async () => {
  await using opened = await open()
  const { page } = opened
  await page.goto(`${cirrus.url}/account`)
  await enter(page)
  await tabTo(page, 'link', 'Skip to the content')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  expect(await page.locator('main :focus').count()).toBe(1)
})

it('cannot be framed by another page', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.setContent(`<iframe src="${cirrus.url}/account"></iframe>`)
  const frame = page.frames().find((one) => one !== page.mainFrame())
  await frame?.waitForLoadState().catch(() => {})
  expect(
    await frame
      ?.locator('input[type=password]')
      .count()
      .catch(() => 0),
  ).toBe(0)
  await context.close()
})

it('cannot be sent a form, or read, by another page, though it has cookies here', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(`${cirrus.url}/account`)
  await enter(page)
  // Another port is another origin of the same site: SameSite alone would let it through.
  const other = await context.newPage()
  await other.route('http://localhost:1/**', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<p>other' }),
  )
  await other.goto('http://localhost:1/')
  const read = await other.evaluate(
    `fetch('${cirrus.url}/account', { credentials: 'include' }).then(() => 'read', () => 'refused')`,
  )
  await other.setContent(
    `<form method="post" action="${cirrus.url}/account/sign-out"><button>Win</button></form>`,
  )
  await other.getByRole('button').click()
  await other.getByRole('heading', { name: 'This did not work' }).waitFor()
  await page.reload()
  expect([read, await page.getByRole('button', { name: 'Sign out' }).count()]).toEqual(['refused', 1])
  await context.close()
})

const PAGES = [
  '/account',
  '/account/apps',
  '/account/app-passwords',
  '/account/app-passwords/new',
  '/account/passkeys',
  '/account/leaving',
] as const

/** The page fits into the window, and axe-core finds nothing. */
const judged = async (page: Page): Promise<unknown> => [await beside(page), await violations(page)]

describe.each(SIZES)('on %s', (_, size) => {
  describe.each(SCHEMES)('in %s', (scheme) => {
    it('signing in and consent are readable', async () => {
      await using opened = await open(size, scheme, true)
      const { page } = opened
      await page.goto(await authorizeUrl())
      expect(await judged(page)).toEqual([0, []])
      await page.getByLabel('Account password').fill('wrong')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').waitFor()
      expect(await judged(page)).toEqual([0, []])
      await enter(page)
      expect(await judged(page)).toEqual([0, []])
      await page.goto(await authorizeUrl(LOOPBACK))
      await page.getByText('Details').click()
      await page.getByText(LOOPBACK).waitFor()
      expect(await judged(page)).toEqual([0, []])
    })

    it('the account is readable, in English and in German', async () => {
      await using opened = await open(size, scheme, true)
      const { page } = opened
      await page.goto(`${cirrus.url}/account`)
      await enter(page)
      for (const language of ['en', 'de'])
        for (const path of PAGES) {
          await page.goto(`${cirrus.url}${path}?lang=${language}`)
          expect([path, language, await judged(page)]).toEqual([path, language, [0, []]])
        }
    })

    it('what went wrong is readable', async () => {
      await using opened = await open(size, scheme, true)
      const { page } = opened
      for (const path of [
        '/account/nothing',
        '/oauth/authorize',
        '/oauth/authorize?client_id=x&request_uri=y',
      ]) {
        await page.goto(`${cirrus.url}${path}`)
        expect([path, await judged(page)]).toEqual([path, [0, []]])
      }
    })
  })
})

it('shows a move as it happens, with what was copied as a plot and in words', async () => {
  await using opened = await open(WIDE, 'light', true)
  const { page } = opened
  const token = await mint(cirrus)
  await page.goto(`${cirrus.url}/account/leaving`)
  await enter(page)
  const authorization = `Bearer ${token}`
  const read = (method: string, query: Record<string, string>): Promise<ArrayBuffer> =>
    fetch(`${cirrus.url}/xrpc/${method}?${new URLSearchParams({ did: cirrus.did, ...query })}`, {
      headers: { authorization },
    }).then((answer) => answer.arrayBuffer())
  await read('com.atproto.sync.getRepo', {})
  const listed: unknown = JSON.parse(new TextDecoder().decode(await read('com.atproto.sync.listBlobs', {})))
  const { cids } = Object(listed)
  if (!Array.isArray(cids)) throw new Error('no list of blobs')
  for (const cid of cids.slice(0, 9)) await read('com.atproto.sync.getBlob', { cid: String(cid) })
  // The page renews itself: nobody presses anything.
  await page.locator('figcaption', { hasText: '9 of 12 pictures and videos were given out' }).waitFor()
  expect(await page.getByRole('img', { name: 'Copied over time' }).count()).toBe(1)
  expect(await judged(page)).toEqual([0, []])
})

const widthOf = (png: Buffer): number => png.readUInt32BE(16)

describe('stands in docs/ as a picture', () => {
  const take = async (page: Page, name: string): Promise<void> => {
    const picture = await page.screenshot({ type: 'png', fullPage: true })
    const file = join(DOCS, name)
    if (process.env['PAGES_PICTURES'] === '1') await writeFile(file, picture)
    expect(existsSync(file)).toBe(true)
    // How long a page is depends on the fonts of the machine.
    expect(widthOf(await readFile(file))).toBe(widthOf(picture))
    expect((await stat(file)).size).toBeLessThan(MAX_PICTURE_BYTES)
  }

  it('signing in and consent, on a phone', async () => {
    await using opened = await open({ width: 400, height: 700 })
    const { page } = opened
    await page.goto(await authorizeUrl())
    await take(page, 'page-sign-in.png')
    await enter(page)
    await take(page, 'page-consent.png')
  })

  it('the account and leaving, in a wide window', async () => {
    await using opened = await open({ width: 900, height: 700 }, 'dark')
    const { page } = opened
    await page.goto(`${cirrus.url}/account`)
    await enter(page)
    await take(page, 'page-account.png')
    await page.goto(`${cirrus.url}/account/leaving`)
    await take(page, 'page-leaving.png')
  })
})
