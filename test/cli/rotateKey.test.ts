// Against real servers: a Cirrus in workerd, the PLC directory. A program in wrangler's place gives the Worker its
// secrets, or the test does, as the owner does by hand.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { activate, newKey } from '../../dev/account.ts'
import { startCirrus } from '../../dev/cirrus.ts'
import { freePort } from '../../dev/port.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { connect } from '../../src/client/index.ts'
import { parseDevVars } from '../../src/cli/project/devVars.ts'
import { readKeyFile, writeKeyFile } from '../../src/cli/init/keyFiles.ts'
import { startProgram } from '../../src/cli/terminal/io.ts'
import { type Deployment, startDeployment } from './deployment.ts'
import { fakeWrangler, type WranglerRun } from './fakeWrangler.ts'
import { member, pds, type RunOptions } from './support.ts'

const PDS = join(import.meta.dirname, '../../bin/pds.js')

let deployment: Deployment
let plc: Deployment['plc']
let here: Deployment['here']
let cirrus: Deployment['cirrus']
const KEY_FILE = 'cirrus-keys-old-name.test.json'
const keyFile = () => here.in(KEY_FILE)

beforeEach(async () => {
  deployment = await startDeployment()
  ;({ plc, here, cirrus } = deployment)
  const secrets = {
    SIGNING_KEY: cirrus.signingKey,
    ADMIN_PASSWORD: cirrus.adminPassword,
    PASSWORD_HASH: 'hash',
    SESSION_SECRET: 'secret',
  }
  await writeFile(
    here.in('.dev.vars'),
    `SIGNING_KEY=${cirrus.signingKey}\nADMIN_PASSWORD=${cirrus.adminPassword}\n`,
  )
  await writeKeyFile(keyFile(), {
    did: cirrus.did,
    handle: 'old-name.test',
    hostname: 'x',
    signingKey: '',
    secrets,
  })
}, 60_000)
afterEach(() => deployment[Symbol.asyncDispose]())

const rotate = (options: RunOptions = {}, ...args: string[]) =>
  pds(['rotate-key', ...args], { cwd: here.path, ...options })
/** With the secrets put by hand. */
const step = async (): Promise<unknown> => {
  const { code, json } = await rotate({}, '--yes', '--json', '--print')
  return code === 0 ? member(json, 'step') : [code, member(json, 'error', 'code')]
}
const devVars = async () => parseDevVars(await readFile(here.in('.dev.vars'), 'utf8'))
/** `npx wrangler secret bulk .dev.vars`, and the deletion where the file does not have it any more. */
const put = async () => {
  const { SIGNING_KEY = '', ROTATION_KEY = '', NEXT_SIGNING_KEY = '' } = await devVars()
  await cirrus.restart({ SIGNING_KEY, ROTATION_KEY, NEXT_SIGNING_KEY })
}
/** What Cloudflare does with what wrangler sends. */
const deploy = async ({ stdin }: WranglerRun): Promise<number> => {
  const changes = JSON.parse(stdin) as Record<string, string | null>
  await cirrus.restart(
    Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, value ?? ''])),
  )
  return 0
}
const log = () => deployment.log()
const nextOf = async (): Promise<string> =>
  String(member((await pds(['status', '--json'], { cwd: here.path })).json, 'next'))

describe('pds rotate-key', () => {
  it('goes from step to step; each may be repeated, and nothing is done twice', async () => {
    const session = await signIn(cirrus.url, cirrus)
    await seedCirrus(cirrus.url, session, { records: 5, blobs: 0 })
    for (let i = 0; i < 2; i++) expect(await step()).toBe('secrets')
    const begun = await readKeyFile(keyFile())
    expect(begun?.secrets).toMatchObject({ SIGNING_KEY: cirrus.signingKey, ROTATION_KEY: cirrus.signingKey })
    expect((await stat(keyFile())).mode & 0o777).toBe(0o600)
    expect((await devVars())['NEXT_SIGNING_KEY']).toBe(begun?.secrets.NEXT_SIGNING_KEY)
    expect(await log()).toHaveLength(1)

    await put()
    expect(await nextOf()).toContain('`pds rotate-key`')
    const asked = await rotate({ tty: true, stdin: 'n' })
    expect([asked.code, asked.stderr]).toEqual([4, expect.stringContaining('"type": "plc_operation"')])
    expect(await log()).toHaveLength(1)
    for (let i = 0; i < 2; i++) expect(await step()).toBe('move')
    const [genesis, operation] = await log()
    expect(operation?.rotationKeys).toEqual(genesis?.rotationKeys)
    const finished = await readKeyFile(keyFile())
    expect(finished).toMatchObject({
      signingKey: operation?.verificationMethods.atproto,
      secrets: { SIGNING_KEY: begun?.secrets.NEXT_SIGNING_KEY, ROTATION_KEY: cirrus.signingKey },
      formerSigningKeys: [cirrus.signingKey],
    })
    expect((await devVars())['NEXT_SIGNING_KEY']).toBe(undefined)
    expect(await nextOf()).toContain('`pds rotate-key` again')

    await put()
    expect(await step()).toBe('done')
    expect((await readKeyFile(keyFile()))?.unfinishedRotation).toBe(undefined)
    expect(await log()).toHaveLength(2)
    expect(await nextOf()).toContain('All is well')
    // The session goes on, and what it writes verifies.
    await seedCirrus(cirrus.url, session, { records: 0, blobs: 1 })
    expect((await pds(['check', '--json'], { cwd: here.path })).code).toBe(0)
    expect((await pds(['identity', '--json'], { cwd: here.path })).code).toBe(0)
  })

  it('goes on after the directory took the operation and its answer was lost', async () => {
    expect(await step()).toBe('secrets')
    await put()
    plc.fail({ status: 503, only: (method) => method === 'GET' })
    expect(await step()).toEqual([5, 'directory-unavailable'])
    plc.recover()
    // Killed after the directory has the operation, before the account has changed over.
    const posted = () => plc.requests.filter((request) => request.startsWith('POST')).length
    const before = posted()
    plc.fail({ delayMs: 3000, only: (method) => method === 'GET' && posted() > before })
    const dying = rotate({}, '--yes', '--json')
    await expect.poll(posted, { timeout: 20_000 }).toBe(before + 1)
    await expect.poll(() => plc.requests.at(-1), { timeout: 20_000 }).toContain('GET')
    await cirrus.kill()
    await dying
    plc.recover()
    expect(await log()).toHaveLength(2)
    await put()
    // By itself, or now.
    expect(await step()).toBe('move')
    await put()
    expect(await step()).toBe('done')
    expect(await log()).toHaveLength(2)
    expect((await pds(['check', '--json'], { cwd: here.path })).code).toBe(0)
  })

  it('goes on when it died between the key file and .dev.vars', async () => {
    await step()
    await put()
    expect(await step()).toBe('move')
    const old = `SIGNING_KEY=${cirrus.signingKey}\nADMIN_PASSWORD=${cirrus.adminPassword}\nNEXT_SIGNING_KEY=x\n`
    await writeFile(here.in('.dev.vars'), old)
    expect(await step()).toBe('move')
    const { SIGNING_KEY, NEXT_SIGNING_KEY } = await devVars()
    expect([SIGNING_KEY, NEXT_SIGNING_KEY]).toEqual([
      (await readKeyFile(keyFile()))?.secrets.SIGNING_KEY,
      undefined,
    ])
  })

  it('has wrangler put the secrets, over its standard input, and ends in one run', async () => {
    await using wrangler = await fakeWrangler(here.path)
    wrangler.onRun = deploy
    const session = await signIn(cirrus.url, cirrus)
    const done = await rotate({ start: startProgram }, '--yes', '--json')
    expect([done.code, member(done.json, 'step')], done.stderr).toEqual([0, 'done'])
    const keys = await readKeyFile(keyFile())
    const { SIGNING_KEY, ROTATION_KEY } = keys?.secrets ?? {}
    expect(ROTATION_KEY).toBe(cirrus.signingKey)
    const folderOf = await realpath(here.path)
    expect(wrangler.runs).toEqual(
      [
        { ROTATION_KEY, NEXT_SIGNING_KEY: SIGNING_KEY },
        { SIGNING_KEY, NEXT_SIGNING_KEY: null },
      ].map((secrets) => ({
        args: ['secret', 'bulk'],
        cwd: folderOf,
        stdin: JSON.stringify(secrets),
      })),
    )
    expect((await log()).at(-1)?.verificationMethods.atproto).toBe(keys?.signingKey)
    expect(keys?.unfinishedRotation).toBe(undefined)
    expect(done.stdout + done.stderr).not.toContain(SIGNING_KEY)
    await seedCirrus(cirrus.url, session, { records: 1, blobs: 0 })
    expect(await nextOf()).toContain('All is well')
  })

  it('asks before wrangler is run; a no leaves it to the owner', async () => {
    await using wrangler = await fakeWrangler(here.path)
    const asked = await rotate({ start: startProgram, tty: true, stdin: 'y\nn' })
    expect(asked.code, asked.stderr).toBe(0)
    expect(asked.stderr).toContain('may wrangler put the new key into the Worker')
    expect(asked.stdout).toContain('`npx wrangler secret bulk .dev.vars`, then `npx pds rotate-key`')
    expect(wrangler.runs).toEqual([])
    // What another host uses is not the Worker of wrangler.toml.
    const { origin } = new URL(cirrus.url.replace('localhost', '127.0.0.1'))
    const env = { ADMIN_PASSWORD: cirrus.adminPassword, ADMIN_PASSWORD_HOST: origin }
    const elsewhere = await rotate({ start: startProgram, env }, '--yes', '--json', '--host', origin)
    expect(member(elsewhere.json, 'step'), elsewhere.stdout).toBe('secrets')
    expect(wrangler.runs).toEqual([])
  })

  it('says what to do where wrangler fails or is not there, and goes on', async () => {
    const missing = await rotate({ start: startProgram }, '--yes', '--json')
    expect([missing.code, member(missing.json, 'error', 'code')]).toEqual([1, 'wrangler-missing'])
    const { NEXT_SIGNING_KEY } = await devVars()
    await using wrangler = await fakeWrangler(here.path)
    for (const failing of [1, 2]) {
      wrangler.onRun = async (run) => (wrangler.runs.length % 2 === 1 ? 1 : await deploy(run))
      const failed = await rotate({ start: startProgram }, '--yes', '--json')
      expect([failed.code, member(failed.json, 'error', 'code')], `${failing}`).toEqual([
        5,
        'secrets-not-put',
      ])
      expect(String(member(failed.json, 'error', 'next'))).toMatch(
        /`npx wrangler login`.*`npx wrangler secret bulk \.dev\.vars`/,
      )
    }
    wrangler.onRun = deploy
    expect(member((await rotate({ start: startProgram }, '--yes', '--json')).json, 'step')).toBe('done')
    expect((await readKeyFile(keyFile()))?.secrets.SIGNING_KEY).toBe(NEXT_SIGNING_KEY)
    expect(await log()).toHaveLength(2)
  })

  it('goes on wherever it is killed while wrangler runs, before and after the secrets are there', async () => {
    await using wrangler = await fakeWrangler(here.path)
    let child: ReturnType<typeof spawn> | undefined
    const die = async () => {
      const gone = child && once(child, 'exit')
      child?.kill('SIGKILL')
      await gone
    }
    /** The process of `pds`, as an owner starts it. Resolves with how it ended. */
    const run = async (): Promise<unknown> => {
      child = spawn(process.execPath, [PDS, 'rotate-key', '--yes', '--json'], {
        cwd: here.path,
        stdio: ['ignore', 'ignore', 'ignore'],
      })
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
      return signal ?? code
    }
    for (const secret of ['NEXT_SIGNING_KEY', 'SIGNING_KEY']) {
      wrangler.onRun = async () => (await die(), 0)
      expect([secret, await run()]).toEqual([secret, 'SIGKILL'])
      wrangler.onRun = async (deployed) => (await deploy(deployed), await die(), 0)
      expect([secret, await run()]).toEqual([secret, 'SIGKILL'])
    }
    const { length } = wrangler.runs
    expect(await run()).toBe(0)
    // What had been put is not put again.
    expect(wrangler.runs).toHaveLength(length)
    const keys = await readKeyFile(keyFile())
    expect(keys?.unfinishedRotation).toBe(undefined)
    expect((await log()).map(({ verificationMethods }) => verificationMethods.atproto)).toEqual([
      (await log())[0]?.verificationMethods.atproto,
      keys?.signingKey,
    ])
    expect(await nextOf()).toContain('All is well')
  })

  it('of a did:web account changes the document that the Worker gives', async () => {
    const port = await freePort()
    const web = await startCirrus({ plcUrl: plc.url, handle: 'web.test', port })
    try {
      await activate(web)
      const next = await newKey()
      await web.restart({ NEXT_SIGNING_KEY: next.hex })
      const key = async () =>
        member(
          await (await fetch(`${web.url}/.well-known/did.json`)).json(),
          'verificationMethod',
          '0',
          'publicKeyMultibase',
        )
      const before = await key()
      const admin = connect(web.url, { admin: { password: web.adminPassword } })
      await admin.com.cirrus.admin.rotateSigningKey({})
      await expect.poll(key, { timeout: 5000 }).toBe(next.did.slice('did:key:'.length))
      expect(before).not.toBe(await key())
      // Whichever secret has it.
      await web.restart({ SIGNING_KEY: next.hex, NEXT_SIGNING_KEY: '' })
      expect(await key()).toBe(next.did.slice('did:key:'.length))
      expect((await admin.com.cirrus.admin.checkRepo()).problems).toEqual([])
    } finally {
      await web.close()
    }
  })

  it('refuses to go on without the key file, or with that of another key', async () => {
    const keys = await readKeyFile(keyFile())
    await writeFile(keyFile(), '{}')
    await expect(step()).resolves.toEqual([1, 'bad-config'])
    if (!keys) throw new Error('no keys')
    await writeKeyFile(keyFile(), { ...keys, did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz' })
    expect(await step()).toEqual([1, 'no-signing-key'])
    await writeKeyFile(keyFile(), { ...keys, secrets: { ...keys.secrets, SIGNING_KEY: '1'.repeat(64) } })
    expect(await step()).toEqual([1, 'key-file-differs'])
  })
})
