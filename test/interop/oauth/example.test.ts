/** The example of docs/oauth.md: it is the one that is compiled, and it posts. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { signInAndPost } from './example.ts'
import { authorizeByHttp } from './support/httpAuthorization.ts'
import { Store } from './support/nodeClient.ts'
import { SERVERS, startWorld, type World } from './support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world?.[Symbol.asyncDispose]())

const read = async (file: string): Promise<string> =>
  (await readFile(join(import.meta.dirname, file), 'utf8')).trim()

it('is what docs/oauth.md shows', async () => {
  const page = await read('../../../docs/oauth.md')
  const shown = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code?.trim())
  expect(shown).toEqual([await read('example.ts')])
})

it.each(SERVERS)('signs in to %s and posts', async (name) => {
  const server = world.servers[name]
  const opened: Promise<Response>[] = []
  const open = (url: URL) => {
    const { redirect_uri: redirectUri = '' } = Object.fromEntries(
      new URL(url.searchParams.get('client_id') ?? '').searchParams,
    )
    // The owner's browser: it is sent to the program in the end.
    const visit = async () => {
      const { params } = await authorizeByHttp(server, { url, redirectUri })
      return fetch(`${redirectUri}?${params}`)
    }
    opened.push(visit())
  }
  const { uri, session } = await signInAndPost(server.handle, 'hello', open, {
    stateStore: new Store(),
    sessionStore: new Store(),
    allowHttp: true,
    handleResolver: server.url,
    plcDirectoryUrl: world.plcUrl,
  })
  expect(await (await opened[0])?.text()).toContain('close this page')
  const [, , repo = '', collection = '', rkey = ''] = uri.split('/')
  const query = new URLSearchParams({ repo, collection, rkey })
  const record = await fetch(`${server.url}/xrpc/com.atproto.repo.getRecord?${query}`)
  expect(await record.json()).toMatchObject({ uri, value: { text: 'hello' } })
  await session.signOut()
})
