// `pds restore` and `pds move --from-backup` of a repository that is too large for a request: it is sent in parts.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { activate, createPlcAccount, type PlcAccount } from '../../dev/account.ts'
import { ROOT } from '../../dev/bundle.ts'
import { type Cirrus, startCirrus } from '../../dev/cirrus.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { connect } from '../../src/client/index.ts'
import { loadRotationKey } from '../../src/signing/keys.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { folder, member, pds } from './support.ts'

const RECORDS = 40
const PASSWORD = 'the account password'
const PASSPHRASE = 'four words that nobody knows'
const ADMIN = 'admin-password-of-the-test'
const PART_BYTES = 3000
const MAX_REQUEST = ['--max-request', '0.003']

let plc: PlcDirectory
let here: Awaited<ReturnType<typeof folder>>
let account: PlcAccount
let cirrus: Cirrus
let carBytes: number

const start = () => startCirrus({ ...account, password: PASSWORD, adminPassword: ADMIN })
const admin = () => connect(cirrus.url, { admin: { password: ADMIN } })
const env = () => ({
  ADMIN_PASSWORD: ADMIN,
  ADMIN_PASSWORD_HOST: cirrus.url,
  PDS_PASSWORD: PASSWORD,
  PDS_PASSWORD_HOST: cirrus.url,
})
const args = () => ['restore', './backup', '--yes', '--json', '--host', cirrus.url, ...MAX_REQUEST]

/**
 * Kills the process with SIGKILL at the first request to a method that KILL_AT names: `sent`, shortly after it was sent,
 * or `answered`, before its answer is read.
 */
const KILLER = `
const [method, when] = process.env.KILL_AT.split(' ')
const real = globalThis.fetch
globalThis.fetch = async (url, init) => {
  const isIt = String(url).includes(method)
  if (isIt && when === 'sent') setTimeout(() => process.kill(process.pid, 'SIGKILL'), 3)
  const answer = await real(url, init)
  if (isIt && when === 'answered') process.kill(process.pid, 'SIGKILL')
  return answer
}
`

/** Runs the command, and kills it there. Gives whether it was killed. */
const killed = async (at: string): Promise<boolean> => {
  const child = spawn(
    process.execPath,
    ['--import', here.in('killer.mjs'), join(ROOT, 'bin/pds.js'), ...args()],
    { cwd: here.path, env: { ...process.env, ...env(), KILL_AT: at }, stdio: 'ignore' },
  )
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return signal === 'SIGKILL'
}

/** What was asked of the server, by the methods' last names. */
const counting = () => {
  const asked: string[] = []
  const relay: typeof fetch = async (input, init) => {
    asked.push(new URL(String(input)).pathname.split('.').at(-1) ?? '')
    return await fetch(input, init)
  }
  return { fetch: relay, count: (name: string) => asked.filter((method) => method === name).length }
}

const received = async (): Promise<number> => (await admin().com.cirrus.admin.getPull()).pull?.received ?? 0

const expectRestored = async (ran: Awaited<ReturnType<typeof pds>>): Promise<void> => {
  expect(ran.json, ran.stdout).toMatchObject({ ok: true })
  expect(await admin().com.cirrus.admin.checkRepo()).toMatchObject({ ok: true })
  expect(await admin().com.cirrus.admin.getStatus()).toMatchObject({
    state: 'active',
    repo: { records: RECORDS },
    blobs: { expected: 2, stored: 2 },
  })
}

beforeAll(async () => {
  plc = await startPlc()
})
afterAll(() => plc.close())
beforeEach(async () => {
  here = await folder()
  account = await createPlcAccount({ plcUrl: plc.url, handle: 'alice.test' })
  await writeFile(
    here.in('wrangler.toml'),
    `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\nHOSTNAME = "localhost:${account.port}"\n`,
  )
  await writeFile(here.in('.dev.vars'), `SIGNING_KEY=${account.signingKey}\n`)
  await writeFile(here.in('killer.mjs'), KILLER)
  cirrus = await start()
  await activate(cirrus)
  await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: RECORDS, blobs: 2 })
  const { did, handle, signingKey, port } = account
  const keys = {
    did,
    handle,
    hostname: `localhost:${port}`,
    signingKey: (await loadRotationKey(new Secret(signingKey))).did,
    secrets: { SIGNING_KEY: signingKey, ADMIN_PASSWORD: ADMIN, PASSWORD_HASH: 'h', SESSION_SECRET: 's' },
  }
  await writeFile(here.in(`cirrus-keys-${handle}.json`), JSON.stringify(keys), { mode: 0o600 })
  const made = await pds(['backup', 'backup', '--host', cirrus.url], {
    cwd: here.path,
    env: { ...env(), PDS_BACKUP_PASSPHRASE: PASSPHRASE },
  })
  expect(made.code, made.stderr).toBe(0)
  const state = (await readdir(here.in('backup'))).find((name) => name.startsWith('state-')) ?? ''
  carBytes = (await stat(here.in(`backup/${state}/repo.car`))).size
  expect(carBytes).toBeGreaterThan(3 * PART_BYTES)
  // The Worker is deleted and deployed again: no state, the same name and keys.
  await cirrus.close()
  cirrus = await start()
}, 120_000)
afterEach(async () => {
  await cirrus.close()
  await here[Symbol.asyncDispose]()
})

it('is restored in parts, in one run', async () => {
  const server = counting()
  const ran = await pds(args(), { cwd: here.path, env: env(), fetch: server.fetch })
  await expectRestored(ran)
  expect(server.count('uploadRepoPart')).toBe(Math.ceil(carBytes / PART_BYTES))
  expect(server.count('importRepo')).toBe(0)
}, 120_000)

it('goes on after a kill at each part, and sends nothing twice', async () => {
  expect(await killed('beginRepoUpload answered')).toBe(true)
  expect(await received()).toBe(0)
  const parts = Math.ceil(carBytes / PART_BYTES)
  for (let part = 1; part <= parts; part++) {
    expect(await killed('uploadRepoPart answered'), `part ${part}`).toBe(true)
    expect(await received()).toBe(Math.min(carBytes, part * PART_BYTES))
  }
  const server = counting()
  const ran = await pds(args(), { cwd: here.path, env: env(), fetch: server.fetch })
  await expectRestored(ran)
  expect(server.count('uploadRepoPart')).toBe(0)
}, 300_000)

it('goes on after kills while parts are on their way, with a server that is killed too', async () => {
  for (let run = 0; run < 20; run++) {
    const before = await received()
    if (!(await killed(`uploadRepoPart ${run % 2 === 0 ? 'sent' : 'answered'}`))) break
    if (run % 3 === 2) {
      await cirrus.kill()
      await cirrus.restart()
    }
    expect(await received()).toBeGreaterThanOrEqual(before)
  }
  const ran = await pds(args(), { cwd: here.path, env: env() })
  await expectRestored(ran)
}, 300_000)

it('moves from the backup to another Cirrus in parts, when its own server is gone', async () => {
  await cirrus.close()
  const { did, handle } = account
  cirrus = await startCirrus({ plcUrl: plc.url, handle, did, password: PASSWORD, adminPassword: ADMIN })
  const server = counting()
  const move = ['move', '--from-backup', 'backup', '--to', cirrus.url, '--yes', '--json', ...MAX_REQUEST]
  const ran = await pds(move, {
    cwd: here.path,
    env: { PDS_BACKUP_PASSPHRASE: PASSPHRASE, PDS_TARGET_PASSWORD: PASSWORD },
    fetch: server.fetch,
  })
  const report: unknown = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '')
  expect(member(report, 'report'), ran.stdout).toMatchObject({ ok: true, activated: true, missing: [] })
  expect(server.count('uploadRepoPart')).toBe(Math.ceil(carBytes / PART_BYTES))
  expect(server.count('importRepo')).toBe(0)
  await expectRestored({ ...ran, json: { ok: true } })
}, 120_000)
