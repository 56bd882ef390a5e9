import { expect, test } from 'vitest'
import { createHandleLookup, createHandleResolver } from '../../src/identity/handleResolver.ts'
import { outbound } from '../../src/outbound.ts'

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const OTHER = 'did:web:other.example.com'

interface World {
  txt?: string[] | Error | number
  file?: string | Error | number
}

const resolver = ({ txt = [], file = 404 }: World, options: object = {}) => {
  const asked: string[] = []
  const answer = (what: unknown): Response => {
    if (what instanceof Error) throw what
    return typeof what === 'number' ? new Response('', { status: what }) : new Response(String(what))
  }
  const fetch = async (input: unknown) => {
    const url = new URL(String(input))
    asked.push(url.href)
    if (url.hostname !== 'cloudflare-dns.com') return answer(file)
    const records = Array.isArray(txt) ? txt.map((data) => ({ name: 'x', type: 16, data })) : undefined
    return answer(records ? JSON.stringify({ Status: 0, Answer: records }) : txt)
  }
  const send = outbound({ fetch: fetch as typeof globalThis.fetch }, { dev: false })
  return {
    asked,
    resolve: createHandleResolver({ lookUp: createHandleLookup({ send }), dev: false, ...options }),
  }
}
const resolve = (world: World) =>
  resolver(world)
    .resolve('alice.example.com')
    .catch((cause: { code?: string }) => cause.code)
const down = new TypeError('down')

test('a handle resolves by its DNS record, else by its well-known file', async () => {
  expect(await resolve({ txt: [`"did=${DID}"`] })).toBe(DID)
  expect(await resolve({ txt: [`did=${DID}`] })).toBe(DID)
  expect(await resolve({ txt: [`"did=did:plc:" "${DID.slice(8)}"`] })).toBe(DID)
  expect(await resolve({ file: ` ${DID}\n` })).toBe(DID)
  expect(await resolve({ txt: [`"did=${DID}"`], file: OTHER })).toBe(DID)
  expect(await resolve({ txt: ['"v=spf1"'], file: DID })).toBe(DID)
})

test('if one way fails, the other still resolves', async () => {
  expect(await resolve({ txt: down, file: DID })).toBe(DID)
  expect(await resolve({ txt: 500, file: DID })).toBe(DID)
  expect(await resolve({ txt: [`"did=${DID}"`], file: down })).toBe(DID)
})

test('a handle that does not resolve gives the reason', async () => {
  expect(await resolve({})).toBe('NotFound')
  expect(await resolve({ txt: ['"did=nonsense"'], file: '<html>' })).toBe('NotFound')
  expect(await resolve({ file: down })).toBe('NotFound')
  expect(await resolve({ txt: down, file: down })).toBe('Unavailable')
  expect(await resolve({ txt: down, file: 404 })).toBe('NotFound')
  expect(await resolve({ txt: [`"did=${DID}"`, `"did=${OTHER}"`] })).toBe('BadAnswer')
  for (const bad of [
    '',
    'alice',
    'did:plc:x',
    'a b.com',
    '127.0.0.1',
    'alice.example.com/x',
    'x'.repeat(300),
  ])
    await expect(resolver({}).resolve(bad)).rejects.toMatchObject({ code: 'BadInput' })
})

test('a handle under a local name is only looked up in DNS', async () => {
  const { asked, resolve } = resolver({ file: DID })
  await expect(resolve('alice.internal')).rejects.toMatchObject({ code: 'NotFound' })
  expect(asked.some((url) => url.includes('//alice.internal'))).toBe(false)
})

test('our own handle resolves without a request, and in development no other handle resolves', async () => {
  const own = async (handle: string) => (handle === 'alice.test' ? DID : undefined)
  const { asked, resolve } = resolver({ file: OTHER }, { own, dev: true })
  expect(await resolve('alice.TEST')).toBe(DID)
  await expect(resolve('bob.test')).rejects.toMatchObject({ code: 'NotFound' })
  expect(asked).toEqual([])
})
