/** A whole app in a real Chromium: @atproto/oauth-client-browser-example, a single-page app on loopback. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from '../support/browser.ts'
import { decide } from './support/authorizationPage.ts'
import { SERVERS, startWorld, type Server, type World } from './support/world.ts'

let world: World
let browser: Browser
let app: ChildProcess
let origin: string
beforeAll(async () => {
  world = await startWorld()
  browser = await startBrowser()
  const bin = join(import.meta.dirname, '../node_modules/@atproto/oauth-client-browser-example/bin.js')
  app = spawn(process.execPath, [bin, '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (!app.stdout) throw new Error('it has no standard output')
  const [line] = await once(app.stdout, 'data')
  origin = /http:\/\/127\.0\.0\.1:\d+/.exec(String(line))?.[0] ?? ''
})
afterAll(async () => {
  app?.kill()
  await browser?.close()
  await world?.[Symbol.asyncDispose]()
})

/** The app's address: what it needs to know of the network is in the query. */
const addressOf = ({ url }: Server): string => {
  const params = new URLSearchParams({
    env: 'test',
    plc_directory_url: world.plcUrl,
    handle_resolver: url,
    pds_operator_url: url,
    bsky_api_url: world.appView.url,
    bsky_api_did: world.appView.did,
  })
  return `${origin}/?${params}`
}

/** The answers of one of the server's endpoints, from now on. */
const answersOf = (page: Page, { url }: Server, path: string) =>
  page.waitForResponse((got) => got.url().startsWith(`${url}${path}`) && got.request().method() === 'POST')

describe.each(SERVERS)('on %s', (name) => {
  it('signs in, posts, refreshes after a reload, and signs out', async () => {
    const server = world.servers[name]
    const context = await browser.newContext({ locale: 'en' })
    const page = await context.newPage()
    await page.goto(addressOf(server))
    await page.locator('input[name=identifier]').fill(server.handle)
    await page.getByRole('button', { name: 'Login', exact: true }).click()
    await decide(page, server, 'approve')

    // What it shows comes from getSession, with the address that `account:email` opens.
    await page.getByText(`"email": "${server.email}"`).waitFor()
    await page.getByText(`"iss": "${server.url}"`).waitFor()
    // The answer is no longer in the address.
    expect(new URL(page.url()).hash).toBe('')
    const text = 'written in a browser'
    const post = { $type: 'app.bsky.feed.post', text, createdAt: new Date().toISOString() }
    const uri = await page.evaluate<string>(
      `pdsClient.createRecord(${JSON.stringify(post)}).then(({ body }) => body.uri)`,
    )
    const [, , , collection = '', rkey = ''] = uri.split('/')
    const query = new URLSearchParams({ repo: server.did, collection, rkey })
    const record = await fetch(`${server.url}/xrpc/com.atproto.repo.getRecord?${query}`)
    expect(await record.json()).toMatchObject({ uri, value: { text } })
    const mimeType = await page.evaluate<string>(
      `pdsClient.uploadBlob(new Blob(['x']), { encoding: 'text/plain' }).then(({ body }) => body.blob.mimeType)`,
    )
    expect(mimeType).toBe('text/plain')

    const shown = page.getByText('"expiresAt"')
    const before = await shown.textContent()
    const refreshed = answersOf(page, server, '/oauth/token')
    await page.reload()
    expect((await refreshed).status()).toBe(200)
    await page.getByText(`"handle": "${server.handle}"`).waitFor()
    await expect.poll(() => shown.textContent()).not.toBe(before)

    await page.getByRole('button', { name: 'User menu' }).click()
    const revoked = answersOf(page, server, '/oauth/revoke')
    await page.getByText('Sign out').click()
    expect((await revoked).status()).toBe(200)
    await page.locator('input[name=identifier]').waitFor()
    await page.reload()
    await page.locator('input[name=identifier]').waitFor()
    await context.close()
  })

  it('stays signed out when the owner says no', async () => {
    const server = world.servers[name]
    const context = await browser.newContext({ locale: 'en' })
    const page = await context.newPage()
    await page.goto(addressOf(server))
    await page.getByRole('button', { name: `Login with ${new URL(server.url).host}` }).click()
    await decide(page, server, 'deny')
    await page.waitForURL((url) => url.origin === origin)
    await page.locator('input[name=identifier]').waitFor()
    await context.close()
  })
})
