/** A form, or the document of an app, that comes slowly: what the owner ended meanwhile stays ended. */
import { describe, expect, it } from 'vitest'
import { inWorld, ORIGIN, type World } from '../handlers/support/world.ts'
import { CLIENT_HOST, CLIENT_ID, createApp, type App } from '../oauth/support/app.ts'
import { type Browser, formOf, type Shown } from './support/browser.ts'
import { signedIn } from './support/signedIn.ts'

const authorizePath = async (app: App): Promise<string> =>
  `/oauth/authorize?${new URLSearchParams({ client_id: CLIENT_ID, request_uri: await app.request() })}`

/** Sends a form whose last byte comes when `finish` is called. */
const beginForm = (
  browser: Browser,
  page: Shown,
  text: string,
  filled: Record<string, string>,
): { answer: Promise<Response>; finish(): Promise<void> } => {
  const { to, fields } = formOf(page, text)
  const form = new URLSearchParams({ ...Object.fromEntries(fields), ...filled }).toString()
  const bytes = new TextEncoder().encode(form)
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const answer = browser.send(to, {
    method: 'POST',
    headers: {
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
      'sec-fetch-site': 'same-origin',
      origin: ORIGIN,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: readable,
  })
  const begun = writer.write(bytes.subarray(0, -1))
  return {
    answer,
    finish: async () => {
      await begun
      await writer.write(bytes.subarray(-1))
      await writer.close()
    },
  }
}

const endEverything = (world: World): void => expect(world.account.sessions.endAll('admin').browsers).toBe(1)

describe('after everything was ended, a form that a browser had begun to send', () => {
  it('creates no app password', () =>
    inWorld({}, async (world) => {
      const { browser, page } = await signedIn(world, '/account/app-passwords/new')
      const { answer, finish } = beginForm(browser, page, 'name="privileged"', { name: 'A thief' })
      endEverything(world)
      await finish()
      expect((await answer).status).toBe(303)
      expect(world.account.appPasswords.list()).toEqual([])
    }))

  it('lets no app in', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const { browser, page } = await signedIn(world, await authorizePath(app))
      const { answer, finish } = beginForm(browser, page, 'value="approve"', { action: 'approve' })
      endEverything(world)
      await finish()
      expect((await answer).headers.get('location')).toMatch(/^\/oauth\/authorize\?/)
      expect(world.journal()).not.toContain('grant')
    }))

  it('lets no app in whose own server made it wait', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const { browser, page } = await signedIn(world, await authorizePath(app))
      const document = world.hosts.get(CLIENT_HOST)
      const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      world.hosts.set(CLIENT_HOST, async (url) => {
        asked.resolve()
        await answered.promise
        return (await document?.(url)) ?? new Response('', { status: 404 })
      })
      // The app's server is asked again.
      await world.restart()
      const { answer, finish } = beginForm(browser, page, 'value="approve"', { action: 'approve' })
      await finish()
      await asked.promise
      endEverything(world)
      answered.resolve()
      expect((await answer).headers.get('location')).toMatch(/^\/oauth\/authorize\?/)
      expect(world.journal()).not.toContain('grant')
    }))
})
