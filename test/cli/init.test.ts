import { copyFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest'
import { parseDevVars } from '../../src/cli/project/devVars.ts'
import { verifyPassword } from '../../src/crypto/password.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { loadSigningKey } from '../../src/signing/keys.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { member, folder, pds, type RunOptions } from './support.ts'

let plc: PlcDirectory
let root: Awaited<ReturnType<typeof folder>>
beforeAll(async () => {
  plc = await startPlc()
})
afterAll(() => plc.close())
beforeEach(async () => {
  root = await folder()
  await copyFile(join(import.meta.dirname, '../../wrangler.toml'), root.in('wrangler.toml'))
})
afterEach(() => root[Symbol.asyncDispose]())

const KEYS = 'cirrus-keys-alice.example.com.json'
const RECOVERY = 'cirrus-recovery-key-alice.example.com.json'
const NAMES = ['--hostname', 'pds.example.com', '--handle', 'Alice.Example.com']
const init = (args: string[], options: RunOptions = {}) =>
  pds(['init', ...NAMES, '--plc-url', plc.url, ...args], {
    cwd: root.path,
    env: { PDS_PASSWORD: 'correct horse', ...options.env },
    ...options,
  })
const read = (name: string) => readFile(root.in(name), 'utf8')
const json = async (name: string): Promise<unknown> => JSON.parse(await read(name))
const mode = async (name: string) => (await stat(root.in(name))).mode & 0o777
const log = async (did: unknown): Promise<unknown> => (await fetch(`${plc.url}/${String(did)}/log`)).json()

describe('pds init --new', () => {
  it('registers a did:plc with the owner’s recovery key above Cirrus’s own', async () => {
    const done = await init(['--new', '--json'])
    expect(done.code, done.stdout).toBe(0)
    const recovery = member(await json(RECOVERY), 'did')
    const [genesis] = (await log(member(done.json, 'did'))) as unknown[]
    expect(genesis).toMatchObject({
      rotationKeys: [recovery, member(done.json, 'signingKey')],
      verificationMethods: { atproto: member(done.json, 'signingKey') },
      alsoKnownAs: ['at://alice.example.com'],
      services: { atproto_pds: { endpoint: 'https://pds.example.com' } },
    })
    expect(await json(KEYS)).toMatchObject({ did: member(done.json, 'did'), genesis })
  })

  it('writes vars, secrets and backups, readable by the owner only and ignored by git', async () => {
    const done = await init(['--new', '--json'])
    const toml = await read('wrangler.toml')
    expect(toml).toContain(`DID = "${String(member(done.json, 'did'))}"`)
    expect(toml).toContain('# Filled in by `pds init`.')
    expect(toml).toContain('HANDLE = "alice.example.com"')
    const vars = parseDevVars(await read('.dev.vars'))
    expect(await verifyPassword(new Secret('correct horse'), new Secret(vars['PASSWORD_HASH'] ?? ''))).toBe(
      true,
    )
    expect((await loadSigningKey(new Secret(vars['SIGNING_KEY'] ?? ''))).did).toBe(
      member(done.json, 'signingKey'),
    )
    for (const file of ['.dev.vars', KEYS, RECOVERY]) expect(await mode(file)).toBe(0o600)
    expect(await read('.gitignore')).toMatch(
      /^\.dev\.vars$[^]*^cirrus-keys-\*\.json$[^]*^cirrus-recovery-key-\*\.json$/m,
    )
    expect((await readdir(root.path)).filter((name) => name.endsWith('.part'))).toEqual([])
  })

  it('prints no secret', async () => {
    const done = await init(['--new'])
    const vars = parseDevVars(await read('.dev.vars'))
    const secrets = [
      ...Object.values(vars),
      String(member(await json(RECOVERY), 'privateKey')),
      'correct horse',
    ]
    for (const secret of secrets) expect(done.stdout + done.stderr).not.toContain(secret)
  })

  it('changes nothing when it is run again', async () => {
    const first = await init(['--new', '--json'])
    const before = await Promise.all(['wrangler.toml', '.dev.vars', KEYS, '.gitignore'].map(read))
    // The owner has moved the recovery key elsewhere, as told to.
    await rm(root.in(RECOVERY))
    const second = await init(['--new', '--json'])
    expect(second.json).toMatchObject({ ok: true, kept: true, did: member(first.json, 'did') })
    expect(await Promise.all(['wrangler.toml', '.dev.vars', KEYS, '.gitignore'].map(read))).toEqual(before)
    expect(await log(member(first.json, 'did'))).toHaveLength(1)
  })

  it('saves the keys before it registers them, and continues after a failure', async () => {
    plc.fail({ status: 503 })
    const failed = await init(['--new', '--json'])
    plc.recover()
    expect([failed.code, member(failed.json, 'error', 'code')]).toEqual([5, 'directory-unavailable'])
    const did = member(await json(KEYS), 'did')
    const second = await init(['--new', '--json'])
    expect(second.json).toMatchObject({ ok: true, did, kept: true })
    expect(await log(did)).toHaveLength(1)
  })

  it.each(['wrangler.toml and .dev.vars', '.dev.vars'])(
    'continues when it was killed before it wrote %s',
    async (what) => {
      const toml = await read('wrangler.toml')
      const first = await init(['--new', '--json'])
      await rm(root.in('.dev.vars'))
      if (what.startsWith('wrangler')) await writeFile(root.in('wrangler.toml'), toml)
      expect((await init(['--new', '--json'])).json).toMatchObject({
        ok: true,
        did: member(first.json, 'did'),
        kept: true,
      })
      expect(parseDevVars(await read('.dev.vars'))).toMatchObject({
        SIGNING_KEY: expect.stringMatching(/^[0-9a-f]{64}$/),
      })
    },
  )

  it('accepts the owner’s public recovery keys, and then creates none', async () => {
    const key = 'did:key:zQ3shnFYs7Xgs9uFPHfRNCw4EV53UGutJJg5EDW9hrrzMw46R'
    const done = await init(['--new', '--recovery-key', key, '--json'])
    expect(done.json).toMatchObject({ recoveryKeys: [key] })
    expect(await readdir(root.path)).not.toContain(RECOVERY)
    expect(await read('wrangler.toml')).toContain(`RECOVERY_KEYS = "${key}"`)
  })

  it('warns if there is no recovery key', async () => {
    const done = await init(['--new', '--no-recovery-key', '--json'])
    expect(member(done.json, 'warnings')).toMatchObject([{ docs: 'docs/troubleshoot.md#no-recovery-key' }])
  })
})

describe('pds init, other identities', () => {
  it('sets up a did:web without a directory', async () => {
    const done = await init(['--web', '--json'])
    expect(done.json).toMatchObject({ ok: true, did: 'did:web:pds.example.com', recoveryKeys: [] })
  })

  it('sets up for an account that moves in, if its DID exists', async () => {
    const unknown = await init(['--did', 'did:plc:ewvi7nxzyoun6zhxrhs64oiz', '--json'])
    expect(member(unknown.json, 'error', 'code')).toBe('did-not-found')
    expect(await readdir(root.path)).toEqual(['wrangler.toml'])
    await using other = await folder()
    await copyFile(root.in('wrangler.toml'), other.in('wrangler.toml'))
    const { json: made } = await init(['--new', '--json'], { cwd: other.path })
    const moving = await init(['--did', String(member(made, 'did')), '--json'])
    expect(moving.json).toMatchObject({ ok: true, did: member(made, 'did') })
    expect(JSON.stringify(member(moving.json, 'commands'))).toContain('pds import --from')
  })

  it('replaces the identity or the keys only with --force and a confirmation', async () => {
    await init(['--new', '--json'])
    const vars = await read('.dev.vars')
    const other = await init(['--web', '--json'])
    expect([other.code, member(other.json, 'error', 'code')]).toEqual([4, 'keys-exist'])
    const forced = await init(['--web', '--force', '--json'])
    expect([forced.code, member(forced.json, 'error', 'code')]).toEqual([4, 'not-confirmed'])
    expect(await read('.dev.vars')).toBe(vars)
    const yes = await init(['--web', '--force', '--yes', '--json'])
    expect(yes.json).toMatchObject({ ok: true, kept: false })
    expect(await read('.dev.vars')).not.toBe(vars)
    const old = (await readdir(root.path)).filter((name) => /^cirrus-keys-.*\.\d+\.json$/.test(name))
    expect(old).toHaveLength(1)
    expect(await read(old[0] ?? '')).toContain(parseDevVars(vars)['SIGNING_KEY'])
  })

  it('refuses two signing keys that contradict each other', async () => {
    await init(['--web'])
    await writeFile(root.in('.dev.vars'), `SIGNING_KEY=${'1'.repeat(64)}\n`)
    expect(member((await init(['--web', '--json'])).json, 'error', 'code')).toBe('keys-exist')
  })
})

describe('pds init, the answers', () => {
  it.each([
    [['--hostname', 'https://x.example.com'], 'usage'],
    [['--handle', 'no spaces'], 'usage'],
    [['--did', 'did:example:x'], 'usage'],
    [['--new', '--web'], 'usage'],
    [['--new', '--recovery-key', 'did:key:zNope'], 'usage'],
    [[], 'not-a-terminal'],
  ])('refuses %j as %s', async (args, code) => {
    const refused = await init([...args, '--json'])
    expect(member(refused.json, 'error', 'code')).toBe(code)
    expect(await readdir(root.path)).toEqual(['wrangler.toml'])
  })

  it('generates an account password if none is given, and says where it is', async () => {
    const done = await init(['--web'], { env: {} })
    expect(done.stdout).toContain('The account password was generated')
    const password = String(member(await json(KEYS), 'accountPassword'))
    const { PASSWORD_HASH = '' } = parseDevVars(await read('.dev.vars'))
    expect(await verifyPassword(new Secret(password), new Secret(PASSWORD_HASH))).toBe(true)
    expect(done.stdout).not.toContain(password)
  })

  it('asks in a terminal for what the flags do not say', async () => {
    const done = await pds(['init', '--plc-url', plc.url, '--web'], {
      cwd: root.path,
      tty: true,
      stdin: 'pds.example.com\n\na good password',
    })
    expect(done.code, done.stderr).toBe(0)
    expect(await read('wrangler.toml')).toContain('HANDLE = "pds.example.com"')
    const { PASSWORD_HASH = '' } = parseDevVars(await read('.dev.vars'))
    expect(await verifyPassword(new Secret('a good password'), new Secret(PASSWORD_HASH))).toBe(true)
    expect(done.stderr).not.toContain('a good password')
  })

  it('prints what to back up and how to deploy', async () => {
    const done = await init(['--web'])
    expect(done.stdout).toMatchInlineSnapshot(`
      "Set up: alice.example.com, did:web:pds.example.com, pds.example.com

      Back up now, off this machine (readable only by you, ignored by git):
        cirrus-keys-alice.example.com.json: every key and password of this server. A Worker’s secrets cannot be read back.

      Then deploy:
        npx wrangler r2 bucket create cirrus-blobs
        npx wrangler deploy
        npx wrangler secret bulk .dev.vars
        npx pds activate
        npx pds doctor

      Handle: add this DNS record where alice.example.com is registered:
        _atproto.alice.example.com  TXT  "did=did:web:pds.example.com"

      Or try it on this machine first: npm run dev
      "
    `)
  })
})
