import { env, exports } from 'cloudflare:workers'
import { runInDurableObject } from 'cloudflare:test'
import type { AccountObject } from '../../src/object.ts'
import type { Env } from '../../src/config.ts'
import { overridePlatform } from '../../src/platform.ts'
import { FakeDirectory } from '../handlers/support/directory.ts'
import { ADMIN_PASSWORD, deployment, HANDLE, HOSTNAME, PASSWORD } from '../support/deployment.ts'

export const ORIGIN = `https://${HOSTNAME}`
export const CREDENTIALS = { identifier: HANDLE, password: PASSWORD, admin: ADMIN_PASSWORD }
export const ADMIN = `Basic ${btoa(`admin:${ADMIN_PASSWORD}`)}`

/**
 * The whole Worker in workerd, with an active account that has a record and a blob, and a fake directory.
 */
export interface Deployed {
  did: string
  directory: FakeDirectory
  /** Sends a request to the Worker, as the network would. */
  fetch(request: Request): Promise<Response>
  /** Calls a method, and throws unless it succeeds. */
  call(
    id: string,
    init?: { body?: unknown; type?: string; auth?: string; query?: string },
  ): Promise<Record<string, unknown>>
  /** Runs code inside the account's object. */
  inside<T>(work: (object: AccountObject) => Promise<T> | T): Promise<T>
}

/** What a Cirrus takes in place of a mailed code: its admin mints one. */
export const codeOf = async ({ call }: Deployed): Promise<string> =>
  String((await call('com.cirrus.admin.createMigrationToken', { body: {}, auth: ADMIN }))['token'])

// The plugin does not type the Worker's exports and bindings.
const worker = (exports as unknown as { default: { fetch(request: Request): Promise<Response> } }).default
const namespace = (env as unknown as Env).ACCOUNT

/** Makes the Worker ready. With `active: false` it stays as it is right after deployment. */
export async function deploy({ active = true } = {}): Promise<Deployed> {
  const { did, genesis } = await deployment()
  const directory = new FakeDirectory(() => Date.now())
  await directory.add(did, genesis)
  overridePlatform({
    fetch: (async (input: string, init?: RequestInit) =>
      input.startsWith(directory.url)
        ? directory.fetch(input, init)
        : new Response('nobody', { status: 404 })) as typeof fetch,
  })
  const deployed: Deployed = {
    did,
    directory,
    fetch: (request) => worker.fetch(request),
    call: async (id, { body, type = 'application/json', auth, query = '' } = {}) => {
      const post = body !== undefined || /activateAccount|deactivateAccount/.test(id)
      const response = await worker.fetch(
        new Request(`${ORIGIN}/xrpc/${id}${query}`, {
          method: post ? 'POST' : 'GET',
          headers: {
            ...(auth === undefined ? {} : { authorization: auth }),
            ...(body === undefined ? {} : { 'content-type': type }),
          },
          ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
        }),
      )
      const text = await response.text()
      if (response.status !== 200) throw new Error(`${id}: ${response.status} ${text}`)
      return text === '' ? {} : Object(JSON.parse(text))
    },
    inside: (work) => {
      const stub = namespace.getByName(did)
      return runInDurableObject(stub, (object) => work(object as unknown as AccountObject))
    },
  }
  if (active) await fill(deployed)
  return deployed
}

/** Activates the account and writes a record that refers to a blob. */
async function fill({ did, call }: Deployed): Promise<void> {
  await call('com.atproto.server.activateAccount', { auth: ADMIN })
  const session = await call('com.atproto.server.createSession', {
    body: { identifier: HANDLE, password: PASSWORD },
  })
  const auth = `Bearer ${String(session.accessJwt)}`
  const { blob } = await call('com.atproto.repo.uploadBlob', {
    body: new Uint8Array([1, 2, 3]),
    type: 'image/png',
    auth,
  })
  const post = { $type: 'app.bsky.feed.post', text: 'hello', createdAt: '2026-01-01T00:00:00.000Z' }
  const embed = { $type: 'app.bsky.embed.images', images: [{ alt: 'three bytes', image: blob }] }
  for (const record of [post, { ...post, embed }])
    await call('com.atproto.repo.createRecord', {
      body: { repo: did, collection: 'app.bsky.feed.post', record },
      auth,
    })
}
