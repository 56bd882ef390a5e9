// Identity through the Worker's real `fetch`, with msw in place of the services outside our control.
import { env } from 'cloudflare:workers'
import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { readConfig, type Env } from '../../src/config.ts'
import { createIdentity, type Identity } from '../../src/identity/identity.ts'
import { createPlatform } from '../../src/platform.ts'
import { PLC_DIRECTORY_URL } from '../support/deployment.ts'

const network = setupServer()
beforeAll(() => network.listen({ onUnhandledRequest: 'error' }))
afterEach(() => network.resetHandlers())
afterAll(() => network.close())

// Bindings of vitest.config.ts.
const bindings = env as unknown as Env
const config = { ...readConfig({ ...bindings, DEV: 'false' }) }
// With the real network, which msw intercepts.
const platform = {
  ...createPlatform(bindings),
  fetch: ((input, init) => fetch(input, init)) as typeof fetch,
}
// A new one for each test: it remembers what it looked up.
let identity: Identity
beforeEach(() => {
  identity = createIdentity(
    config,
    () => ({ handle: config.handle, signingKey: 'did:key:zQ3shnotused' }),
    platform,
  )
})
const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

const dns = (...records: string[]) =>
  http.get('https://cloudflare-dns.com/dns-query', ({ request }) => {
    expect(new URL(request.url).searchParams.get('name')).toBe('_atproto.bob.example.org')
    return HttpResponse.json({ Answer: records.map((data) => ({ type: 16, data })) })
  })
const wellKnown = (text: string, status = 200) =>
  http.get('https://bob.example.org/.well-known/atproto-did', () => new HttpResponse(text, { status }))

test('a handle resolves by its DNS record', async () => {
  network.use(dns(`"did=${DID}"`), wellKnown('', 404))
  expect(await identity.resolveHandle('bob.example.org')).toBe(DID)
})

test('a handle resolves by its well-known file if there is no record', async () => {
  network.use(dns(), wellKnown(`${DID}\n`))
  expect(await identity.resolveHandle('bob.example.org')).toBe(DID)
})

test('a handle with neither does not resolve', async () => {
  network.use(dns(), wellKnown('', 404))
  await expect(identity.resolveHandle('bob.example.org')).rejects.toMatchObject({ code: 'NotFound' })
})

test('a redirect of the well-known file is not followed', async () => {
  network.use(
    dns(),
    http.get('https://bob.example.org/.well-known/atproto-did', () =>
      HttpResponse.redirect('https://169.254.169.254/latest', 302),
    ),
  )
  await expect(identity.resolveHandle('bob.example.org')).rejects.toMatchObject({ name: 'IdentityError' })
})

test('a directory that fails gives an error that may be retried', async () => {
  network.use(http.get(`${PLC_DIRECTORY_URL}/*`, () => new HttpResponse('busy', { status: 503 })))
  await expect(identity.directory.head(DID)).rejects.toMatchObject({ code: 'Unavailable', retryable: true })
})

test('a document about another DID is refused', async () => {
  network.use(
    http.get('https://carol.example.org/.well-known/did.json', () => HttpResponse.json({ id: DID })),
  )
  await expect(identity.resolveDid('did:web:carol.example.org')).rejects.toMatchObject({ code: 'BadAnswer' })
})
