// `pds backup --from-bucket`: a Worker that has backed itself up, and is gone.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { activate, createPlcAccount, type PlcAccount } from '../../dev/account.ts'
import { startCirrus } from '../../dev/cirrus.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { readBucket } from '../../dev/readBucket.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { ACCESS_KEY, type S3Server, SECRET_KEY, startS3 } from './s3Server.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

const RECORDS = 30
const BLOBS = 3
const PASSWORD = 'the account password'
const ADMIN = 'admin-password-of-the-test'

let plc: PlcDirectory
let account: PlcAccount
let objects: Map<string, Uint8Array>
let s3: S3Server
let here: Awaited<ReturnType<typeof folder>>

/** A Cirrus with BACKUP=daily that lives until it has made its first backup. */
beforeAll(async () => {
  plc = await startPlc()
  account = await createPlcAccount({ plcUrl: plc.url, handle: 'alice.test' })
  const persist = await mkdtemp(join(tmpdir(), 'cirrus-bucket-'))
  try {
    const cirrus = await startCirrus({ ...account, password: PASSWORD, adminPassword: ADMIN, persist })
    const admin = { ADMIN_PASSWORD: ADMIN, ADMIN_PASSWORD_HOST: cirrus.url }
    await activate(cirrus)
    await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: RECORDS, blobs: BLOBS })
    await cirrus.restart({ BACKUP: 'daily' })
    const madeAt = async () =>
      member((await pds(['status', '--json', '--host', cirrus.url], { env: admin })).json, 'backup', 'lastAt')
    // Ten seconds after the start.
    while ((await madeAt()) === undefined) await new Promise((resolve) => setTimeout(resolve, 500))
    const doctor = await pds(['doctor', '--host', cirrus.url], { env: admin })
    expect(doctor.stdout).toMatch(/✓ Backup +made 20/)
    await cirrus.close()
    objects = await readBucket(persist)
  } finally {
    await rm(persist, { recursive: true, force: true })
  }
})
afterAll(() => plc.close())
beforeEach(async () => {
  s3 = await startS3()
  for (const [key, bytes] of objects) s3.objects.set(key, bytes)
  here = await folder()
  await writeFile(
    here.in('wrangler.toml'),
    `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\nHOSTNAME = "localhost:${account.port}"\n`,
  )
})
afterEach(async () => {
  await s3.close()
  await here[Symbol.asyncDispose]()
})

const KEYS = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY }
const pull = (options: RunOptions = {}) =>
  pds(['backup', 'backup', '--from-bucket', s3.url, '--json'], {
    cwd: here.path,
    ...options,
    env: { ...KEYS, ...options.env },
  })
const verify = async () => (await pds(['backup', 'verify', 'backup', '--json'], { cwd: here.path })).code
const code = (json: unknown) => member(json, 'error', 'code')
const keyOf = (end: string | RegExp) =>
  [...s3.objects.keys()].find((key) => key.startsWith('backup/') && key.search(end) >= 0) ?? ''

describe('pds backup --from-bucket', () => {
  it('makes an archive that verifies, from which a new server has everything back', async () => {
    const pulled = await pull()
    expect(pulled.json, pulled.stdout).toMatchObject({
      ok: true,
      did: account.did,
      records: RECORDS,
      blobs: { count: BLOBS, fetched: BLOBS, lost: [] },
    })
    expect(await verify()).toBe(0)
    // Only what is needed was asked for.
    expect(s3.requests.filter((request) => request.startsWith('GET /cirrus-blobs/did'))).toHaveLength(BLOBS)
    const again = await pull()
    expect(again.json).toMatchObject({ ok: true, blobs: { fetched: 0 } })
    await using cirrus = await startCirrus({ ...account, password: PASSWORD, adminPassword: ADMIN })
    const restored = await pds(['restore', 'backup', '--yes', '--json', '--host', cirrus.url], {
      cwd: here.path,
      env: { ADMIN_PASSWORD: ADMIN, PDS_PASSWORD: PASSWORD, SIGNING_KEY: account.signingKey },
    })
    expect(restored.json, restored.stdout).toMatchObject({
      ok: true,
      activated: true,
      records: RECORDS,
      lost: [],
    })
  })

  it('needs no directory: the log is in the bucket', async () => {
    plc.fail({ status: 500 })
    try {
      const pulled = await pull()
      expect(pulled.json, pulled.stdout).toMatchObject({ ok: true })
    } finally {
      plc.recover()
    }
    expect(await verify()).toBe(0)
    const state = (await readdir(here.in('backup'))).find((name) => name.startsWith('state-')) ?? ''
    expect(JSON.parse(await readFile(here.in(`backup/${state}/did.json`), 'utf8'))).toMatchObject({
      id: account.did,
    })
  })

  it('is refused with other keys, and says which are missing', async () => {
    const wrong = await pull({ env: { AWS_SECRET_ACCESS_KEY: 'another' } })
    expect([code(wrong.json), wrong.stdout]).toEqual([
      'bucket-refused',
      expect.stringContaining('SignatureDoesNotMatch'),
    ])
    expect(wrong.stdout).not.toContain('another')
    const none = await pull({ env: { AWS_SECRET_ACCESS_KEY: '' } })
    expect([code(none.json), none.stdout]).toEqual([
      'bucket-refused',
      expect.stringContaining('AWS_SECRET_ACCESS_KEY'),
    ])
    for (const url of [
      'cirrus-blobs',
      'http://s3.example.com/bucket',
      'https://s3.example.com/',
      'https://a/b/c',
    ])
      expect(
        code(
          (await pds(['backup', 'b', '--from-bucket', url, '--json'], { cwd: here.path, env: KEYS })).json,
        ),
      ).toBe('usage')
  })

  it('tries again what fails for now', async () => {
    s3.fail(503, 2)
    expect((await pull()).json).toMatchObject({ ok: true })
  })

  it('says which blob the bucket has lost', async () => {
    const [blob = ''] = [...s3.objects.keys()].filter((key) => key.startsWith('did:'))
    s3.objects.delete(blob)
    const pulled = await pull()
    expect([pulled.code, pulled.json]).toEqual([3, expect.objectContaining({ ok: false })])
    expect(member(pulled.json, 'blobs', 'lost')).toHaveLength(1)
    expect(await verify()).toBe(0)
  })

  it('takes no object that is not what the backup says, and leaves no archive', async () => {
    const car = keyOf(/\.car$/)
    const bytes = Uint8Array.from(s3.objects.get(car) ?? [])
    bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1
    s3.objects.set(car, bytes)
    const pulled = await pull()
    expect([code(pulled.json), pulled.stdout]).toEqual(['backup-incomplete', expect.stringContaining('.car')])
    expect(await readdir(here.in('backup'))).not.toContain('archive.json')
    s3.objects.delete(car)
    expect(code((await pull()).json)).toBe('backup-incomplete')
  })

  it('says that there is no backup, or of whom', async () => {
    const manifest = keyOf(/Z\.json$/)
    const before = manifest.replace(/\d{8}T\d{6}Z/, '20200101T000000Z')
    s3.objects.set(before, s3.objects.get(manifest) ?? new Uint8Array())
    s3.objects.set(manifest, new TextEncoder().encode('{'))
    const older = await pull()
    expect([member(older.json, 'ok'), older.stdout]).toEqual([
      true,
      expect.stringContaining('cannot be read'),
    ])
    await writeFile(here.in('wrangler.toml'), '[vars]\nDID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"\n')
    const other = await pull()
    expect([code(other.json), other.stdout]).toEqual([
      'no-bucket-backup',
      expect.stringContaining(account.did),
    ])
    s3.objects.clear()
    expect(code((await pull()).json)).toBe('no-bucket-backup')
  })
})
