import { writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newWranglerToml } from '../../src/cli/project/settings.ts'
import { editVars } from '../../src/cli/project/wranglerToml.ts'
import { VERSION } from '../../src/version.ts'
import { DID, error, fake, HOST, status } from './fake.ts'
import { folder, member, pds } from './support.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const OWN = `did:web:${HOST}`
const REACH = {
  relays: [{ relay: 'https://bsky.network', status: 'active' }],
  appView: { url: 'https://api.bsky.app', known: true, handle: HOST, behindMs: 0 },
}

let root: Awaited<ReturnType<typeof folder>>
beforeEach(async () => {
  root = await folder()
  const toml = editVars(newWranglerToml('x'), { DID, HANDLE: HOST, HOSTNAME: HOST }, 'wrangler.toml')
  await writeFile(root.in('wrangler.toml'), toml)
  await writeFile(root.in('.dev.vars'), 'ADMIN_PASSWORD=admin-canary\n')
})
afterEach(() => root[Symbol.asyncDispose]())

interface Net {
  /** Answers by `type name`, of the DNS. */
  dns?: Record<string, string>
  health?: () => Response
  didJson?: unknown
  wellKnown?: string
  answers?: Record<string, object>
}

/** The network around a server where everything is well, but for what is given. */
const network = ({ dns, health, didJson = { id: OWN }, wellKnown, answers }: Net): typeof fetch => {
  const server = fake({ 'com.cirrus.admin.getReach': REACH, ...answers })
  const records = dns ?? { [`A ${HOST}`]: '192.0.2.1', [`TXT _atproto.${HOST}`]: `"did=${DID}"` }
  const answerHealth =
    health ?? (() => Response.json({ version: VERSION }, { headers: { date: new Date(NOW).toUTCString() } }))
  return async (input, init) => {
    const url = new URL(String(input))
    if (url.hostname === 'cloudflare-dns.com') {
      const type = url.searchParams.get('type') ?? ''
      const data = records[`${type} ${url.searchParams.get('name') ?? ''}`]
      return Response.json({
        Answer: data === undefined ? [] : [{ type: type === 'TXT' ? 16 : 1, data }],
      })
    }
    if (url.pathname === '/xrpc/_health') return answerHealth()
    if (url.pathname === '/.well-known/did.json') return Response.json(didJson)
    if (url.pathname === '/.well-known/atproto-did')
      return wellKnown === undefined ? new Response(null, { status: 404 }) : new Response(wellKnown)
    return server.fetch(input, init)
  }
}
const doctor = (net: Net, args: string[] = ['--json']) =>
  pds(['doctor', ...args], { cwd: root.path, fetch: network(net), now: () => NOW })

/** The state of the line with this name, and its message. */
const line = (json: unknown, name: string): unknown => {
  const checks = member(json, 'checks')
  return Array.isArray(checks) ? checks.find((check) => member(check, 'name') === name) : undefined
}

describe('pds doctor', () => {
  it('looks the handle up that the account has by now, though HANDLE is another', async () => {
    const done = await doctor({
      dns: { [`A ${HOST}`]: '192.0.2.1', 'TXT _atproto.later.example.com': `"did=${DID}"` },
      answers: { 'com.cirrus.admin.getStatus': status({ handle: 'later.example.com' }) },
    })
    expect(line(done.json, 'Handle')).toMatchObject({
      state: 'ok',
      message: expect.stringContaining('later.example.com'),
    })
  })

  it('says what the status warns of: a limit that is near, and a HANDLE without effect', async () => {
    const warnings = [
      { name: 'handle-unused', message: 'HANDLE is a.test and has no effect.' },
      { name: 'database-size', message: 'The database has 8,000 MB.' },
    ]
    const done = await doctor({ answers: { 'com.cirrus.admin.getStatus': status({ warnings }) } })
    expect(line(done.json, 'HANDLE')).toMatchObject({ state: 'warn', message: warnings[0]?.message })
    expect(line(done.json, 'Limits')).toMatchObject({ state: 'warn', message: warnings[1]?.message })
  })

  it('says that everything is well', async () => {
    const done = await doctor({}, [])
    expect(done.code, done.stderr).toBe(0)
    expect(done.stdout).toMatchInlineSnapshot(`
      "✓ wrangler.toml  has what this version needs
      ✓ DNS            alice.example.com is 192.0.2.1
      ✓ Certificate    https://alice.example.com answers
      ✓ Worker         Cirrus 0.1.0
      ✓ Clock          this machine and the server agree
      ✓ did.json       the server’s own DID document
      ✓ Handle         alice.example.com names did:plc:ewvi7nxzyoun6zhxrhs64oiz
      ✓ Configuration  complete, and the admin password is right
      ! Account        active; 1 of its blobs are missing
                       Next: All is well: nothing to do.
      ✓ DID            did:plc:ewvi7nxzyoun6zhxrhs64oiz names this server
      ✓ Bucket         readable
      ✓ Relay          https://bsky.network follows
      ✓ AppView        https://api.bsky.app knows the account
      "
    `)
  })

  it.each<[string, string, 'warn' | 'fail', Net]>([
    ['the host name has no address', 'DNS', 'fail', { dns: {} }],
    [
      'the certificate has expired',
      'Certificate',
      'fail',
      {
        health: () => {
          throw new TypeError('fetch failed', { cause: { code: 'CERT_HAS_EXPIRED' } })
        },
      },
    ],
    ['something else answers', 'Worker', 'fail', { health: () => new Response('<html>', { status: 404 }) }],
    [
      'the clock of this machine is wrong',
      'Clock',
      'warn',
      {
        health: () =>
          Response.json({ version: VERSION }, { headers: { date: new Date(NOW - 600_000).toUTCString() } }),
      },
    ],
    ['did.json is another server’s', 'did.json', 'fail', { didJson: { id: 'did:web:else.example' } }],
    ['the handle names nobody', 'Handle', 'fail', { dns: { [`A ${HOST}`]: '192.0.2.1' } }],
    [
      'the handle names another account',
      'Handle',
      'fail',
      { dns: { [`TXT _atproto.${HOST}`]: '"did=did:web:else.example"' } },
    ],
    [
      'a secret is missing',
      'Configuration',
      'fail',
      {
        answers: {
          'com.cirrus.admin.getStatus': error(500, 'InternalServerError', 'Not configured: SIGNING_KEY'),
        },
      },
    ],
    [
      'the DID names another server',
      'DID',
      'fail',
      {
        answers: {
          'com.cirrus.admin.getStatus': status({
            identity: { rotationKeys: [], movedAway: true, pds: 'https://new.example' },
          }),
        },
      },
    ],
    [
      'there is no recovery key',
      'Recovery key',
      'warn',
      {
        answers: {
          'com.cirrus.admin.getStatus': status({
            identity: { rotationKeys: [], movedAway: false, recoverable: false },
          }),
        },
      },
    ],
    [
      'the bucket cannot be read',
      'Bucket',
      'fail',
      { answers: { 'com.cirrus.admin.getReach': { ...REACH, bucketError: 'no such bucket' } } },
    ],
    [
      'a relay gave the server up',
      'Relay',
      'warn',
      {
        answers: {
          'com.cirrus.admin.getReach': { relays: [{ relay: 'https://r.example', status: 'offline' }] },
        },
      },
    ],
    [
      'the AppView does not know the account',
      'AppView',
      'warn',
      {
        answers: {
          'com.cirrus.admin.getReach': { relays: [], appView: { url: 'https://a.example', known: false } },
        },
      },
    ],
    [
      'the server runs another version',
      'Version',
      'warn',
      {
        answers: {
          'com.cirrus.admin.getStatus': status({ versions: { program: '0.0.1', schema: 5 } }),
        },
      },
    ],
  ])('finds that %s', async (_, name, state, net) => {
    const done = await doctor(net)
    expect(line(done.json, name)).toMatchObject({ state, next: expect.stringMatching(/./) })
    expect([done.code, member(done.json, 'ok')]).toEqual(state === 'fail' ? [3, false] : [0, true])
  })

  it('takes the handle’s well-known file where there is no DNS record', async () => {
    const dns = { [`A ${HOST}`]: '192.0.2.1' }
    expect(line((await doctor({ dns, wellKnown: DID })).json, 'Handle')).toMatchObject({ state: 'ok' })
  })

  it('says what wrangler.toml lacks', async () => {
    const toml = newWranglerToml('x').replace(/\[observability\]\nenabled = true\nlogs[^\n]*\n/, '')
    await writeFile(root.in('wrangler.toml'), editVars(toml, { HOSTNAME: HOST }, 'wrangler.toml'))
    expect(line((await doctor({})).json, 'wrangler.toml')).toMatchObject({
      state: 'warn',
      message: 'lacks logs are kept ([observability])',
    })
  })
})
