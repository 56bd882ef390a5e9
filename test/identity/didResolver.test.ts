import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { afterAll, expect, test } from 'vitest'
import {
  createDidResolver,
  didWebUrl,
  parseServiceDid,
  resolveService,
} from '../../src/identity/didResolver.ts'
import {
  accountDocument,
  formatDidDocument,
  parseDidDocument,
  serviceDocument,
} from '../../src/identity/didDocument.ts'
import { OutboundError, outbound, type Outbound } from '../../src/outbound.ts'
import { createGenesis } from '../../src/plc/build.ts'
import { createDirectory } from '../../src/plc/directory.ts'
import { rotationKey } from '../plc/support.ts'
import { startPlc } from '../../dev/plc.ts'

const plc = await startPlc()
afterAll(() => plc.close())
const real = outbound({ fetch }, { dev: true })
const key = await Secp256k1Keypair.create()
const WEB = 'did:web:alice.example.com'

/** Answers with the document of a URL, or with 404; an error is thrown. */
const sendOf =
  (answers: Record<string, unknown>): Outbound =>
  async (url) => {
    const answer = answers[url]
    if (answer instanceof Error) throw answer
    if (answer === undefined) throw new OutboundError('BadStatus', 'status 404', 404)
    const text = typeof answer === 'string' ? answer : JSON.stringify(answer)
    const response = new Response(text)
    return {
      status: 200,
      headers: new Headers(),
      text: () => response.text(),
      json: () => response.json(),
      bytes: async () => new Uint8Array(await response.arrayBuffer()),
      stream: () => new ReadableStream(),
    }
  }
const resolver = (answers: Record<string, unknown>, dev = false) =>
  createDidResolver({ send: sendOf(answers), directory: createDirectory(real, plc.url), dev })

const document = accountDocument({
  did: WEB,
  handle: 'alice.example.com',
  origin: 'https://pds.example.com',
  signingKey: key.did(),
})

test('our own documents are read as they were written', async () => {
  const resolve = resolver({ 'https://alice.example.com/.well-known/did.json': document })
  expect(await resolve(WEB)).toMatchObject({
    did: WEB,
    pds: 'https://pds.example.com',
    signingKey: key.did(),
    handle: 'alice.example.com',
  })
  const service = serviceDocument('did:web:pds.example.com', 'https://pds.example.com')
  expect(parseDidDocument('did:web:pds.example.com', service)).toMatchObject({
    pds: 'https://pds.example.com',
    signingKey: undefined,
  })
})

test('a did:plc resolves through the directory, with legacy key types too', async () => {
  const ours = await rotationKey('ours')
  const { did, operation } = await createGenesis(ours, {
    recoveryKeys: [],
    signingKey: key.did(),
    handle: 'bob.example.com',
    endpoint: 'https://pds.example.com',
  })
  const client = createDirectory(real, plc.url)
  await client.submit(did, operation)
  const resolved = await resolver({})(did)
  expect(resolved).toMatchObject({
    did,
    pds: 'https://pds.example.com',
    signingKey: key.did(),
    handle: 'bob.example.com',
  })
  // The same document, as we write it from the verified log.
  const written = parseDidDocument(did, formatDidDocument(did, operation))
  expect({ ...written, json: 0 }).toEqual({ ...resolved, json: 0 })
})

test('a DID that does not resolve gives the reason', async () => {
  const blocked = new OutboundError('Blocked', 'no')
  const resolve = resolver({
    'https://down.example.com/.well-known/did.json': new OutboundError('Timeout', 'slow'),
    'https://wrong.example.com/.well-known/did.json': { ...document, id: 'did:web:evil.example.com' },
    'https://list.example.com/.well-known/did.json': [],
    'https://blocked.internal/.well-known/did.json': blocked,
  })
  const code = (did: string) => resolve(did).catch((cause: { code?: string }) => cause.code)
  expect(await code('did:web:missing.example.com')).toBe('NotFound')
  expect(await code('did:web:down.example.com')).toBe('Unavailable')
  expect(await code('did:web:wrong.example.com')).toBe('BadAnswer')
  expect(await code('did:web:list.example.com')).toBe('BadAnswer')
  expect(await code('did:web:blocked.internal')).toBe('BadInput')
  expect(await code('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')).toBe('NotFound')
  for (const bad of [
    '',
    'x',
    'did:plc:short',
    'did:key:z',
    'did:web:localhost',
    'did:web:a.example.com:path',
    'did:web:single',
  ])
    expect(await code(bad)).toBe('BadInput')
  plc.fail({ status: 500 })
  expect(await code('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')).toBe('Unavailable')
  plc.recover()
})

test('a did:web has no path, and a port only on localhost', () => {
  expect(didWebUrl('did:web:pds.example.com', false)).toBe('https://pds.example.com/.well-known/did.json')
  expect(didWebUrl('did:web:localhost%3A2583', true)).toBe('http://localhost:2583/.well-known/did.json')
  for (const bad of [
    'did:web:localhost%3A2583',
    'did:web:a.example.com%3A8443',
    'did:web:a.b:user',
    'did:web:a.b%2Fx',
    'did:web:',
  ])
    expect(() => didWebUrl(bad, false)).toThrow('not a did:web')
})

test('our own document is not fetched', async () => {
  const refuse: Outbound = () => Promise.reject(new Error('asked'))
  const own = async (did: string) => (did === WEB ? document : undefined)
  const resolve = createDidResolver({
    send: refuse,
    directory: createDirectory(refuse, plc.url),
    dev: false,
    own,
  })
  expect((await resolve(WEB)).signingKey).toBe(key.did())
})

test('only what a document says correctly is read from it', async () => {
  const p256 = (await P256Keypair.create()).did()
  const method = (change: object) => ({
    ...document,
    verificationMethod: [{ id: `${WEB}#atproto`, type: 'Multikey', controller: WEB, ...change }],
  })
  const signingKey = (change: object) => parseDidDocument(WEB, method(change)).signingKey
  expect(signingKey({ publicKeyMultibase: p256.slice(8) })).toBe(p256)
  expect(signingKey({ id: '#atproto', publicKeyMultibase: p256.slice(8) })).toBe(p256)
  expect(
    signingKey({ id: 'did:web:evil.example.com#atproto', publicKeyMultibase: p256.slice(8) }),
  ).toBeUndefined()
  for (const bad of ['', 'x', 'z', 'zzz', 'z1', `z${'1'.repeat(9000)}`, 7, null])
    expect(signingKey({ publicKeyMultibase: bad })).toBeUndefined()

  const service = (endpoint: unknown, type = 'AtprotoPersonalDataServer') =>
    parseDidDocument(WEB, {
      ...document,
      service: [null, { id: '#atproto_pds', type, serviceEndpoint: endpoint }],
    }).pds
  expect(service('https://pds.example.com/')).toBe('https://pds.example.com')
  for (const bad of [
    '',
    'ftp://x',
    'https://u:p@x.com',
    'https://x.com/path',
    'https://x.com?q',
    {},
    ['https://x.com'],
  ])
    expect(service(bad)).toBeUndefined()
  expect(service('https://x.com', 'Other')).toBeUndefined()

  const named = (alsoKnownAs: unknown) => parseDidDocument(WEB, { ...document, alsoKnownAs }).handle
  expect(named(['https://x.com', 'at://not_a_handle', 'at://Alice.Example.com'])).toBe('alice.example.com')
  expect(named('at://alice.example.com')).toBeUndefined()
})

test('a service is found by did#service', async () => {
  const resolve = resolver({
    'https://api.example.com/.well-known/did.json': {
      id: 'did:web:api.example.com',
      service: [{ id: '#bsky_appview', type: 'BskyAppView', serviceEndpoint: 'https://api.example.com/' }],
    },
  })
  expect(await resolveService(resolve, 'did:web:api.example.com#bsky_appview')).toEqual({
    did: 'did:web:api.example.com',
    service: 'bsky_appview',
    endpoint: 'https://api.example.com',
  })
  await expect(resolveService(resolve, 'did:web:api.example.com#other')).rejects.toMatchObject({
    code: 'NotFound',
  })
  for (const bad of ['did:web:api.example.com', 'did:web:api.example.com#', '#x', 'did:web:a.b#x#y', 'x#y'])
    expect(parseServiceDid(bad)).toBeUndefined()
})
