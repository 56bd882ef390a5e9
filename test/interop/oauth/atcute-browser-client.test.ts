/** A page that uses @atcute/oauth-browser-client, in a real Chromium. */
import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from '../support/browser.ts'
import type { Settings } from './support/atcutePage.ts'
import type { Decision } from './support/authorization.ts'
import { decide } from './support/authorizationPage.ts'
import { SERVERS, startWorld, type Server, type World } from './support/world.ts'

const SCOPE = 'atproto repo:app.bsky.feed.post?action=create'

let world: World
let browser: Browser
let host: HttpServer
let redirectUri: string
beforeAll(async () => {
  world = await startWorld()
  browser = await startBrowser()
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'support', 'atcutePage.ts')],
    bundle: true,
    write: false,
    format: 'esm',
  })
  const page = `<!doctype html><title>app</title><script type="module">${outputFiles[0]?.text}</script>`
  host = createServer((_, response) => response.setHeader('content-type', 'text/html').end(page))
  await once(host.listen(0, '127.0.0.1'), 'listening')
  // A server that listens on TCP has an AddressInfo; only a pipe has a string.
  redirectUri = `http://127.0.0.1:${(host.address() as AddressInfo).port}/app`
})
afterAll(async () => {
  await browser?.close()
  host?.closeAllConnections()
  host?.close()
  await world?.[Symbol.asyncDispose]()
})

const settingsFor = ({ url }: Server): Settings => ({
  plcUrl: world.plcUrl,
  handleResolver: url,
  clientId: `http://localhost?${new URLSearchParams({ redirect_uri: redirectUri, scope: SCOPE })}`,
  redirectUri,
  scope: SCOPE,
})

/** Calls a function of the page's `app`. */
const call = <T>(page: Page, name: string, settings: Settings, ...given: string[]): Promise<T> =>
  page.evaluate<T>(`app.${name}(${[settings, ...given].map((it) => JSON.stringify(it)).join()})`)

/** From the page to the owner, and back to the page. */
const signIn = async (page: Page, server: Server, decision: Decision): Promise<string> => {
  await page.goto(redirectUri)
  const url = await call<string>(page, 'signIn', settingsFor(server), server.handle)
  // As the page would do it: the browser says that another site has sent it.
  await page.evaluate(`location.assign(${JSON.stringify(url)})`)
  await decide(page, server, decision)
  await page.waitForURL((at) => at.href.startsWith(redirectUri))
  return new URL(page.url()).hash
}

describe.each(SERVERS)('on %s', (name) => {
  it('signs in, posts, refreshes, goes on after a reload, and signs out', async () => {
    const server = world.servers[name]
    const settings = settingsFor(server)
    const context = await browser.newContext({ locale: 'en' })
    const page = await context.newPage()
    const hash = await signIn(page, server, 'approve')
    expect(await call(page, 'finish', settings, hash)).toBe(server.did)
    expect(await call(page, 'post', settings, server.did, 'hello')).toBe(true)
    await call(page, 'refresh', settings, server.did)
    await page.reload()
    expect(await call(page, 'post', settings, server.did, 'after a reload')).toBe(true)
    const revoked = page.waitForResponse(`${server.url}/oauth/revoke`)
    await call(page, 'signOut', settings, server.did)
    expect((await revoked).status()).toBe(200)
    await expect(call(page, 'post', settings, server.did, 'too late')).rejects.toThrow()
    await context.close()
  })

  it('is told that the owner said no', async () => {
    const server = world.servers[name]
    const context = await browser.newContext({ locale: 'en' })
    const page = await context.newPage()
    const hash = await signIn(page, server, 'deny')
    const params = new URLSearchParams(hash.slice(1))
    expect(params.get('error')).toBe('access_denied')
    expect(params.get('iss')).toBe(server.url)
    await expect(call(page, 'finish', settingsFor(server), hash)).rejects.toThrow()
    await context.close()
  })
})
