import { Secp256k1Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { expect, test } from 'vitest'
import { createFetchPermissionSet } from '../../../../src/account/oauth/scopes/fetchPermissionSet.ts'
import { createDidResolver } from '../../../../src/identity/didResolver.ts'
import { outbound } from '../../../../src/outbound.ts'
import { LexiconAuthority, setDocument } from '../support/lexiconAuthority.ts'

const NSID = 'com.example.authBasic'
const NOTES = [{ resource: 'repo', collection: ['com.example.note'] }]

const world = async (options: { ownDid?: string; own?: object; origin?: string } = {}) => {
  const authority = new LexiconAuthority()
  await authority.publishSet(NSID, NOTES)
  const fetch = async (input: unknown) =>
    (await authority.answer(String(input))) ?? new Response('', { status: 404 })
  const send = outbound({ fetch: fetch as typeof globalThis.fetch }, { dev: false })
  const timers = new Set<() => void>()
  const fetchSet = createFetchPermissionSet({
    did: options.ownDid ?? 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
    origin: 'https://cirrus.example.org',
    previous: options.origin === undefined ? [] : [{ origin: options.origin }],
    send,
    resolveDid: createDidResolver({ send, directory: {} as never, dev: false }),
    records: {
      get: (collection, rkey) =>
        options.own && { collection, rkey, cid: {} as never, bytes: encode(options.own as never) },
    },
    platform: {
      now: () => Date.now(),
      timer: (_, ring) => {
        timers.add(ring)
        return () => timers.delete(ring)
      },
    },
  })
  return { authority, timers, fetchSet }
}

test('a set is fetched from the account that its name belongs to, and verified', async () => {
  const { authority, timers, fetchSet } = await world()
  expect(await fetchSet(NSID)).toEqual({
    type: 'permission-set',
    permissions: [{ type: 'permission', resource: 'repo', collection: ['com.example.note'] }],
  })
  expect(authority.asked).toEqual(['dns', 'did', 'pds'])
  expect(timers.size).toBe(0)
})

type Authority = LexiconAuthority
const stranger = await Secp256k1Keypair.create()
const flip = (bytes: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> => {
  const copy = bytes.slice()
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

test.each<
  [what: string, change: (authority: Authority) => void | Promise<void>, code: string, message: string]
>([
  ['no DNS record', (it) => void (it.txt = []), 'NotFound', '_lexicon.example.com names no DID'],
  ['a malformed DNS record', (it) => void (it.txt = ['did=nobody']), 'NotFound', 'names no DID'],
  ['two DNS records', (it) => void it.txt.push('did=did:web:a.example'), 'BadAnswer', 'more than one DID'],
  ['a DNS service that fails', (it) => void (it.down = 502), 'Unavailable', '502'],
  [
    'a DID that does not resolve',
    (it) => void (it.txt = ['did=did:web:gone.example.org']),
    'NotFound',
    'gone',
  ],
  [
    'another key than signed',
    (it) => void (it.namedKey = stranger.did()),
    'BadAnswer',
    'not signed by the key',
  ],
  [
    'a PDS without it',
    (it) => void (it.pdsAnswer = () => new Response('', { status: 404 })),
    'NotFound',
    '404',
  ],
  [
    'a PDS that fails',
    (it) => void (it.pdsAnswer = () => new Response('', { status: 500 })),
    'Unavailable',
    '500',
  ],
  ['bytes that are not a CAR', (it) => void (it.pdsAnswer = () => new Response('{}')), 'BadAnswer', 'proof'],
  [
    'a proof that was cut',
    (it) => void (it.pdsAnswer = (of) => new Response(of.slice(0, -9))),
    'BadAnswer',
    'proof',
  ],
  [
    'a record that was changed',
    (it) => void (it.pdsAnswer = (of) => new Response(flip(of, of.length - 1))),
    'BadAnswer',
    'another hash',
  ],
  [
    'too large an answer',
    (it) => void (it.pdsAnswer = () => new Response(new Uint8Array(2 ** 21))),
    'BadAnswer',
    '',
  ],
  [
    'a document of another name',
    (it) => it.publish(NSID, setDocument('com.example.other', NOTES)),
    'BadAnswer',
    'id',
  ],
  [
    'a record type',
    (it) => it.publish(NSID, { $type: 'x', lexicon: 1, id: NSID, defs: {} }),
    'BadAnswer',
    'not a perm',
  ],
  [
    'no list of permissions',
    (it) => it.publish(NSID, { lexicon: 1, id: NSID, defs: { main: { type: 'permission-set' } } }),
    'BadAnswer',
    'permission that',
  ],
  [
    'permissions in maps',
    (it) => it.publishSet(NSID, [{ resource: 'repo', collection: { a: 1 } }]),
    'BadAnswer',
    'permission that',
  ],
  [
    'more than fits',
    (it) => it.publishSet(NSID, [{ resource: 'repo', collection: Array(2000).fill('com.example.note') }]),
    'BadAnswer',
    'more than 32768',
  ],
])('%s is an error', async (_, change, code, message) => {
  const { authority, fetchSet } = await world()
  await change(authority)
  await expect(fetchSet(NSID)).rejects.toMatchObject({
    name: 'IdentityError',
    code,
    message: expect.stringContaining(message),
  })
})

test('a proof that there is no such record is an answer', async () => {
  const { fetchSet } = await world()
  await expect(fetchSet('com.example.authOther')).rejects.toMatchObject({
    code: 'NotFound',
    message: 'did:web:lexicons.example.com has no document of this name',
  })
})

test('all requests together may take ten seconds', async () => {
  const { authority, timers, fetchSet } = await world()
  const asked = new Promise<void>((resolve) => {
    authority.pdsAnswer = () => {
      resolve()
      return new Promise<Response>(() => {})
    }
  })
  const fetched = fetchSet(NSID)
  void fetched.catch(() => {})
  await asked
  for (const ring of timers) ring()
  await expect(fetched).rejects.toMatchObject({
    code: 'Unavailable',
    message: 'it was not there within 10 seconds',
  })
})

test('a set of the account itself is read here, while it lives here: the server cannot ask itself', async () => {
  const own = setDocument(NSID, [{ resource: 'repo', collection: ['com.example.mine'] }])
  const ownDid = 'did:web:lexicons.example.com'
  const here = await world({ ownDid, own, origin: 'https://pds.example.com' })
  expect((await here.fetchSet(NSID)).permissions).toMatchObject([{ collection: ['com.example.mine'] }])
  expect(here.authority.asked).toEqual(['dns', 'did'])
  const moved = await world({ ownDid, own })
  expect((await moved.fetchSet(NSID)).permissions).toMatchObject([{ collection: ['com.example.note'] }])
  expect(moved.authority.asked).toEqual(['dns', 'did', 'pds'])
  // Another account, whose document names this server, has nothing here.
  const other = await world({ own, origin: 'https://pds.example.com' })
  await expect(other.fetchSet(NSID)).rejects.toMatchObject({ code: 'NotFound' })
})
