// The real Worker in workerd: requests that share a look-up, which belongs to the request that began it.
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, Response } from 'miniflare'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleWorker } from '../../dev/bundle.ts'
import { hashPassword } from '../../src/crypto/password.ts'
import { Secret } from '../../src/crypto/secret.ts'

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const ANSWER_MS = 1000

let server: Miniflare
let url: URL
const asked: string[] = []

beforeAll(async () => {
  const { code, compatibilityDate } = await bundleWorker()
  const hash = await hashPassword(new Secret('the account password'), new Uint8Array(16))
  server = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      log: new Log(LogLevel.NONE),
      telemetry: { enabled: false },
      cf: false,
      modules: [{ type: 'ESModule', path: 'worker.js', contents: code }],
      compatibilityDate,
      bindings: {
        DID: 'did:web:cirrus.example.com',
        HANDLE: 'alice.example.com',
        HOSTNAME: 'cirrus.example.com',
        PLC_DIRECTORY_URL: 'https://plc.example.com',
        RECOVERY_KEYS: '',
        SIGNING_KEY: '11'.repeat(32),
        ADMIN_PASSWORD: 'an admin password of some length',
        PASSWORD_HASH: hash,
        SESSION_SECRET: 'x'.repeat(64),
      },
      durableObjects: {
        ACCOUNT: { className: 'AccountObject', useSQLite: true },
        PASSWORDS: { className: 'PasswordObject', useSQLite: true },
      },
      r2Buckets: { BLOBS: 'blobs' },
      // Every other host: slow, and it claims its handle.
      outboundService: async (request) => {
        const { host, searchParams } = new URL(request.url)
        asked.push(searchParams.get('name') ?? host)
        await new Promise((resolve) => setTimeout(resolve, ANSWER_MS))
        return host === 'cloudflare-dns.com' ? Response.json({ Status: 3 }) : new Response(DID)
      },
    }),
  )
  url = await server.ready
})
afterAll(() => server?.dispose())

const ask = async (handle: string, signal?: AbortSignal): Promise<unknown> => {
  const path = `/xrpc/com.atproto.identity.resolveHandle?handle=${handle}`
  return await (await fetch(new URL(path, url), { ...(signal && { signal }) })).json()
}

test('20 requests at once share one look-up', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask('bob.example.org')))
  for (const answer of answers) expect(answer).toEqual({ did: DID })
  expect(asked.toSorted()).toEqual(['_atproto.bob.example.org', 'bob.example.org'])
})

test('the client that asked first may leave: the others get the answer all the same', async () => {
  const leaving = new AbortController()
  const first = ask('carol.example.org', leaving.signal)
  await expect.poll(() => asked.includes('carol.example.org')).toBe(true)
  const second = ask('carol.example.org')
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS / 4))
  leaving.abort()
  await expect(first).rejects.toThrow(/abort/)
  expect(await second).toEqual({ did: DID })
  expect(asked.filter((host) => host === 'carol.example.org')).toHaveLength(1)
})
