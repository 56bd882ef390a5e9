// `pds backup drill`: the account is restored into the Worker that wrangler runs on this machine.
import { spawn } from 'node:child_process'
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { ROOT } from '../../dev/bundle.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import type { Io } from '../../src/cli/terminal/io.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { loadSigningKey } from '../../src/signing/keys.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

const RECORDS = 40
const BLOBS = 3
const PASSPHRASE = 'correct horse battery staple'

let plc: PlcDirectory
let cirrus: Awaited<ReturnType<typeof startPlcCirrus>>
let here: Awaited<ReturnType<typeof folder>>
/** What was started, with its arguments. */
let started: string[][] = []
let ended = 0

beforeAll(async () => {
  plc = await startPlc()
  cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: RECORDS, blobs: BLOBS })
})
afterAll(async () => {
  await cirrus.close()
  await plc.close()
})
beforeEach(async () => {
  here = await folder()
  started = []
  ended = 0
  // The deployment: this program's own Worker, and its wrangler.
  await symlink(join(ROOT, 'node_modules'), here.in('node_modules'))
  const toml = await readFile(join(ROOT, 'wrangler.toml'), 'utf8')
  await writeFile(
    here.in('wrangler.toml'),
    toml
      .replace('main = "src/worker.ts"', `main = "${ROOT}/src/worker.ts"`)
      .replaceAll('"./src/', `"${ROOT}/src/`)
      .replace('HOSTNAME = ""', `HOSTNAME = "localhost:${cirrus.port}"`)
      .replace('https://plc.directory', plc.url),
  )
})
afterEach(() => here[Symbol.asyncDispose]())

const start: Io['start'] = (program, args, { cwd, env = {} }) => {
  started.push([...args])
  const child = spawn(program, [...args], { cwd, env: { ...process.env, ...env }, stdio: 'ignore' })
  const exited = new Promise<number>((resolve) =>
    child.on('exit', (code) => {
      ended++
      resolve(code ?? 143)
    }),
  )
  return { exited, stop: () => void child.kill('SIGTERM') }
}
const drill = (args: string[] = [], options: RunOptions = {}) =>
  pds(['backup', 'drill', 'backup', '--json', ...args], {
    cwd: here.path,
    start,
    ...options,
    env: { ADMIN_PASSWORD: cirrus.adminPassword, PDS_BACKUP_PASSPHRASE: PASSPHRASE, ...options.env },
  })
const writeKeyFile = async () => {
  const { did, handle, signingKey, port } = cirrus
  const secrets = { SIGNING_KEY: signingKey, ADMIN_PASSWORD: 'a', PASSWORD_HASH: 'h', SESSION_SECRET: 's' }
  const key = await loadSigningKey(new Secret(signingKey))
  const keys = { did, handle, hostname: `localhost:${port}`, signingKey: key.did, secrets }
  await writeFile(here.in(`cirrus-keys-${handle}.json`), JSON.stringify(keys))
}
const leftFolders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('cirrus-drill-'))

describe('pds backup drill', () => {
  it('backs up, restores into a server of its own with the key of the backup, compares, and leaves nothing', async () => {
    await writeKeyFile()
    const before = await leftFolders()
    const asked: string[] = []
    const watched: typeof fetch = (input, init) => {
      asked.push(`${init?.method ?? 'GET'} ${String(input)}`)
      return fetch(input, init)
    }
    const done = await drill([], { fetch: watched })
    expect(done.json, done.stdout).toMatchObject({
      ok: true,
      did: cirrus.did,
      records: RECORDS,
      blobs: BLOBS,
      keys: 'backup',
      differences: [],
    })
    expect([started.length, ended]).toEqual([1, 1])
    expect(await leftFolders()).toEqual(before)
    // The account's own server and directory were only read.
    const writes = asked.filter((request) => request.startsWith('POST') && !request.includes('localhost:0'))
    for (const request of writes) expect(request).not.toContain(`:${cirrus.port}/`)
    expect(plc.requests.filter((request) => request.startsWith('POST'))).toHaveLength(1)
    expect(await readdir(here.in('backup'))).toContain('archive.json')
  })

  it('drills with the backup that is there, and needs neither the server nor a network', async () => {
    await writeKeyFile()
    const env = { ADMIN_PASSWORD: cirrus.adminPassword, PDS_BACKUP_PASSPHRASE: PASSPHRASE }
    expect((await pds(['backup', 'backup'], { cwd: here.path, env })).code).toBe(0)
    const local: typeof fetch = (input, init) => {
      const { port } = new URL(String(input))
      if (port === String(cirrus.port) || String(input).startsWith(plc.url)) throw new TypeError('no network')
      return fetch(input, init)
    }
    const done = await drill(['--existing'], { fetch: local })
    expect(done.json, done.stdout).toMatchObject({ ok: true, records: RECORDS })
  })

  it('starts nothing with a backup that is damaged, or whose key nobody has', async () => {
    const env = { ADMIN_PASSWORD: cirrus.adminPassword }
    expect((await pds(['backup', 'backup'], { cwd: here.path, env })).code).toBe(0)
    expect(member((await drill(['--existing'])).json, 'error', 'code')).toBe('no-signing-key')
    const [blob = ''] = await readdir(here.in('backup/blobs'))
    await writeFile(here.in(`backup/blobs/${blob}`), 'damaged')
    const damaged = await drill(['--existing'])
    expect([member(damaged.json, 'error', 'code'), damaged.stdout]).toEqual([
      'bad-backup',
      expect.stringContaining(blob),
    ])
    expect(started).toEqual([])
  })
})
