/** What the Worker answers itself: its pages, and the errors of a configuration with a mistake. */
import { env, exports } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { notConfigured, readConfig, type Env } from '../src/config.ts'
import { loadSigningKey } from '../src/signing/keys.ts'
import { createSessionTokens } from '../src/signing/sessionTokens.ts'
import { assertPasswordHash } from '../src/crypto/password.ts'
import { Secret } from '../src/crypto/secret.ts'
import worker from '../src/worker.ts'
import { XrpcError } from '../src/xrpc/errors.ts'

// Bindings of vitest.config.ts.
const bindings = env as unknown as Env
const canary = 'canary-4c1f'

const problem = async (work: () => unknown): Promise<unknown> => {
  try {
    await work()
  } catch (cause) {
    return notConfigured(cause)
  }
  return undefined
}

describe('the pages', () => {
  it.for(['/.well-known/did.json', '/.well-known/atproto-did', '/robots.txt', '/', '/xrpc/_health'])(
    'answer HEAD as GET, without a body: %s',
    async (path) => {
      const url = `https://cirrus.example.com${path}`
      const fetcher = (exports as unknown as { default: Fetcher }).default
      const [get, head] = [await fetcher.fetch(url), await fetcher.fetch(url, { method: 'HEAD' })]
      expect([get.status, head.status]).toEqual([200, 200])
      expect((await get.text()).length).toBeGreaterThan(0)
      expect([head.headers.get('content-type'), await head.text()]).toEqual([
        get.headers.get('content-type'),
        '',
      ])
    },
  )
})

describe('a mistake in the configuration', () => {
  it.for([
    ['DID', 'nobody'],
    ['HANDLE', 'no handle'],
    ['HOSTNAME', 'https://x.example'],
    ['PLC_DIRECTORY_URL', 'plc.directory'],
    ['RECOVERY_KEYS', 'did:key:zQ3shnope'],
    ['WRITE_POINTS_PER_HOUR', '0'],
    ['WRITE_POINTS_PER_HOUR', '599'],
    ['WRITE_POINTS_PER_HOUR', '1e9'],
    ['WRITE_POINTS_PER_HOUR', '5000.5'],
    ['WRITE_POINTS_PER_HOUR', 'unlimited'],
    ['BACKUP', 'hourly'],
    ['UPLOADS_PER_DAY', '-1'],
    ['UPLOADS_PER_DAY', 'many'],
    ['REQUESTS_PER_5_MINUTES', '1.5'],
    ['CDN_URL_PATTERN', 'cdn.example.com/%s/%s/%s'],
    ['CDN_URL_PATTERN', 'https://cdn.example.com/%s/%s'],
    ['CDN_URL_PATTERN', 'https://cdn.example.com/%s/%s/%s/%s'],
    ['EMAIL', 'alice'],
    ['EMAIL', 'alice@example'],
    ['EMAIL', 'alice smith@example.com'],
    ['EMAIL', 'a@b@example.com'],
    ['ADMIN_PASSWORD', 'fifteen-letters'],
    ['PASSWORDS', undefined],
  ] as const)('is reported with the name of its variable: %s', ([name, value]) => {
    expect(() => readConfig({ ...bindings, [name]: value })).toThrow(name)
  })

  it('is reported to every caller, with names and never with values', async () => {
    for (const cause of [
      await problem(() => readConfig({ ...bindings, SIGNING_KEY: '' })),
      await problem(() => loadSigningKey(new Secret(canary))),
      await problem(() => createSessionTokens(new Secret(canary), new Secret(canary))),
      await problem(() => assertPasswordHash(new Secret(canary))),
    ]) {
      expect(cause).toBeInstanceOf(XrpcError)
      if (!(cause instanceof XrpcError)) continue
      expect(cause.message).toMatch(/^Not configured: (SIGNING_KEY|SESSION_SECRET|PASSWORD_HASH) .*pds init/)
      expect(cause.message).not.toContain(canary)
    }
  })

  it('is an answer that a browser may read', async () => {
    const answer = await worker.fetch(new Request('https://cirrus.example.com/'), {
      ...bindings,
      SIGNING_KEY: canary,
    })
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([500, '*'])
    expect(await answer.text()).toMatch(/Not configured: SIGNING_KEY/)
  })
})

describe('the limit of requests', () => {
  const ask = async (env: Env, ip?: string): Promise<Response> =>
    await worker.fetch(
      new Request('https://cirrus.example.com/xrpc/com.atproto.server.describeServer', {
        headers: ip === undefined ? {} : { 'cf-connecting-ip': ip },
      }),
      env,
    )

  it('is for each address, and its refusal can be read by web pages', async () => {
    const limited = { ...bindings, REQUESTS_PER_5_MINUTES: '2' }
    expect((await ask(limited, '192.0.2.1')).status).toBe(200)
    expect((await ask(limited, '192.0.2.1')).status).toBe(200)
    const refused = await ask(limited, '192.0.2.1')
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({ error: 'RateLimitExceeded' })
    expect(refused.headers.get('ratelimit-limit')).toBe('2')
    expect(refused.headers.get('access-control-allow-origin')).toBe('*')
    expect((await ask(limited, '192.0.2.2')).status).toBe(200)
    expect((await ask(limited)).status).toBe(200)
  })
})
