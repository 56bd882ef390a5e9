// A password is sent to the host that it is for, and to no other that happens to listen.
import { mkdir, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { DID, fake, HOST, plcAccount, status } from './fake.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

const PRODUCTION = 'production-canary'
const DEV_SERVER = 'http://localhost:8899'

/** The folder of a deployed Cirrus, with a development server that has run there. */
const project = async () => {
  const here = await folder()
  await writeFile(
    here.in('wrangler.toml'),
    `[vars]\nHOSTNAME = "${HOST}"\nHANDLE = "${HOST}"\nDID = "${DID}"\n`,
  )
  await writeFile(here.in('.dev.vars'), `ADMIN_PASSWORD=${PRODUCTION}\n`)
  await mkdir(here.in('.wrangler/dev'), { recursive: true })
  const running = { url: DEV_SERVER, plcUrl: 'http://localhost:8898', did: DID, handle: HOST, pid: 1 }
  await writeFile(here.in('.wrangler/dev/running.json'), JSON.stringify(running))
  await writeFile(here.in('.wrangler/dev/.dev.vars'), 'ADMIN_PASSWORD=throw-away\n')
  return here
}
/** Runs a command and returns what the host was sent as the password of its admin. */
const sent = async (args: string[], options: RunOptions & { toml?: false } = {}) => {
  await using here = await (options.toml === false ? folder() : project())
  const server = fake()
  const ran = await pds(['status', '--json', ...args], { cwd: here.path, fetch: server.fetch, ...options })
  const headers = new Set(server.calls.map(({ authorization }) => authorization))
  expect(server.calls.length === 0 || ran.code === 0, ran.stdout).toBe(true)
  expect(headers.size).toBeLessThan(2)
  const [header] = headers
  return header ? atob(header.replace('Basic ', '')).replace('admin:', '') : member(ran.json, 'error', 'code')
}

describe('the admin password', () => {
  it.each<[string, string[], RunOptions & { toml?: false }, unknown]>([
    ['of .dev.vars goes to HOSTNAME', [], {}, PRODUCTION],
    ['of .dev.vars goes to HOSTNAME if that is the --host', ['--host', HOST], {}, PRODUCTION],
    ['of .dev.vars goes to no other host', ['--host', 'evil.example.com'], {}, 'no-admin-password'],
    ['of .dev.vars goes to no other port', ['--host', 'localhost:8787'], {}, 'no-admin-password'],
    [
      'of .dev.vars goes to no listener on this machine',
      ['--host', '127.0.0.1:8899'],
      {},
      'no-admin-password',
    ],
    ['of the development server goes to that one', ['--dev'], {}, 'throw-away'],
    [
      'of the development server goes to no other listener',
      ['--dev', '--host', 'localhost:1234'],
      {},
      'no-admin-password',
    ],
    ['of the environment goes to HOSTNAME', [], { env: { ADMIN_PASSWORD: 'given' } }, 'given'],
    [
      'of the environment goes to no other host',
      ['--host', 'evil.example.com'],
      { env: { ADMIN_PASSWORD: PRODUCTION } },
      'no-admin-password',
    ],
    [
      'of the environment goes to no listener on this machine',
      ['--host', 'localhost:8899'],
      { env: { ADMIN_PASSWORD: PRODUCTION } },
      'no-admin-password',
    ],
    [
      'of the environment goes to no development server',
      ['--dev'],
      { env: { ADMIN_PASSWORD: PRODUCTION } },
      'throw-away',
    ],
    [
      'of the environment needs its host where there is no project',
      ['--host', HOST],
      { env: { ADMIN_PASSWORD: 'given' }, toml: false },
      'no-admin-password',
    ],
    [
      'of the environment goes to the host that ADMIN_PASSWORD_HOST names',
      ['--host', 'other.example.com'],
      { env: { ADMIN_PASSWORD: 'given', ADMIN_PASSWORD_HOST: 'other.example.com' }, toml: false },
      'given',
    ],
    [
      'of the environment goes to no host but that of ADMIN_PASSWORD_HOST',
      [],
      { env: { ADMIN_PASSWORD: 'given', ADMIN_PASSWORD_HOST: 'other.example.com' } },
      PRODUCTION,
    ],
    [
      'of the environment goes to a development server that ADMIN_PASSWORD_HOST names',
      ['--dev', '--host', 'localhost:1234'],
      { env: { ADMIN_PASSWORD: 'given', ADMIN_PASSWORD_HOST: 'localhost:1234' } },
      'given',
    ],
  ])('%s', async (_, args, options, expected) => {
    expect(await sent(args, options)).toBe(expected)
  })

  it('is said to be missing in words that help', async () => {
    await using here = await project()
    const ran = await pds(['status', '--host', 'other.example.com'], {
      cwd: here.path,
      env: { ADMIN_PASSWORD: 'x' },
    })
    expect(ran.stderr).toContain('ADMIN_PASSWORD_HOST=other.example.com')
  })

  it('is asked for, with the name of the host', async () => {
    await using here = await project()
    const server = fake()
    const ran = await pds(['status', '--host', 'other.example.com'], {
      cwd: here.path,
      fetch: server.fetch,
      tty: true,
      stdin: 'typed',
    })
    expect(ran.code, ran.stderr).toBe(0)
    expect(ran.stderr).toContain('Admin password of other.example.com')
    expect(server.calls[0]?.authorization).toBe(`Basic ${btoa('admin:typed')}`)
  })
})

describe('the account password', () => {
  const bodies = async (host: string, options: { env?: Record<string, string>; keyHost?: string } = {}) => {
    await using here = await project()
    const { did, answers } = await plcAccount('https://old.example.com')
    const secrets = { SIGNING_KEY: '1', ADMIN_PASSWORD: '1', PASSWORD_HASH: '1', SESSION_SECRET: '1' }
    const keys = {
      did,
      handle: HOST,
      hostname: options.keyHost ?? HOST,
      signingKey: '',
      secrets,
      accountPassword: 'account-canary',
    }
    await writeFile(here.in(`cirrus-keys-${HOST}.json`), JSON.stringify(keys))
    const { identity } = status()
    const here_ = status({
      did,
      state: 'deactivated',
      identity: { ...identity, pds: 'https://old.example.com', movedAway: true },
    })
    const server = fake({
      ...answers,
      'https://old.example.com com.atproto.server.checkAccountStatus': { activated: true },
      'com.cirrus.admin.getStatus': here_,
      'com.atproto.server.createSession': {},
      'com.cirrus.admin.getJournal': { entries: [{ event: 'activate' }] },
    })
    const token = [
      { alg: 'ES256K', typ: 'cirrus-migration+jwt' },
      {
        iss: did,
        exp: 1_900_000_000,
        scope: 'repo:read blob:read preferences:read plc:sign',
        target: `https://${host}`,
        aud: `did:web:${HOST}`,
      },
    ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    await pds(['import', '--from', 'old.example.com', '--host', host, '--yes', '--json'], {
      cwd: here.path,
      fetch: server.fetch,
      stdin: `${token.join('.')}.c2ln`,
      env: { ADMIN_PASSWORD: 'x', ADMIN_PASSWORD_HOST: host, ...options.env },
      now: () => Date.parse('2026-11-22T10:00:00Z'),
    })
    return server.calls.map(({ body }) => JSON.stringify(body)).join()
  }

  it('of the key file goes to the host that the file names', async () => {
    expect(await bodies(HOST)).toContain('account-canary')
    expect(await bodies('evil.example.com')).not.toContain('account-canary')
    expect(await bodies(HOST, { keyHost: 'before.example.com' })).not.toContain('account-canary')
  })

  it('of the environment goes where the admin password of the environment goes', async () => {
    const env = { PDS_PASSWORD: 'env-canary' }
    expect(await bodies(HOST, { env })).toContain('env-canary')
    expect(await bodies('evil.example.com', { env: { ...env, ADMIN_PASSWORD_HOST: HOST } })).not.toContain(
      'env-canary',
    )
  })
})
