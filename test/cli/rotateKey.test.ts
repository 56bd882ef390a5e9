// Against real servers: a Cirrus in workerd, the PLC directory. The secrets are put by hand, as the command says.
import { readFile, stat, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { activate, newKey, startPlcCirrus } from '../../dev/account.ts'
import { startCirrus } from '../../dev/cirrus.ts'
import { freePort } from '../../dev/port.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { connect } from '../../src/client/index.ts'
import { parseDevVars } from '../../src/cli/project/devVars.ts'
import { readKeyFile, writeKeyFile } from '../../src/cli/init/keyFiles.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

let plc: PlcDirectory
let here: Awaited<ReturnType<typeof folder>>
let cirrus: Awaited<ReturnType<typeof startPlcCirrus>>
const KEY_FILE = 'cirrus-keys-old-name.test.json'
const keyFile = () => here.in(KEY_FILE)

beforeEach(async () => {
  plc = await startPlc()
  here = await folder()
  cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  await writeFile(
    here.in('wrangler.toml'),
    `[vars]\nDID = "${cirrus.did}"\nHOSTNAME = "localhost:${cirrus.port}"\nPLC_DIRECTORY_URL = "${plc.url}"\n`,
  )
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
afterEach(async () => {
  await Promise.all([cirrus.close(), plc.close()])
  await here[Symbol.asyncDispose]()
})

const rotate = (options: RunOptions = {}, ...args: string[]) =>
  pds(['rotate-key', ...args], { cwd: here.path, ...options })
const step = async (): Promise<unknown> => {
  const { code, json } = await rotate({}, '--yes', '--json')
  return code === 0 ? member(json, 'step') : [code, member(json, 'error', 'code')]
}
const devVars = async () => parseDevVars(await readFile(here.in('.dev.vars'), 'utf8'))
/** `npx wrangler secret bulk .dev.vars`, and the deletion where the file does not have it any more. */
const put = async () => {
  const { SIGNING_KEY = '', ROTATION_KEY = '', NEXT_SIGNING_KEY = '' } = await devVars()
  await cirrus.restart({ SIGNING_KEY, ROTATION_KEY, NEXT_SIGNING_KEY })
}
const log = async (): Promise<{ verificationMethods: { atproto: string }; rotationKeys: string[] }[]> =>
  (await (await fetch(`${plc.url}/${cirrus.did}/log`)).json()) as never
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
