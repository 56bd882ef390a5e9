// Against real servers: `pds backup`, then `pds restore`.
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPlcAccount, activate, type PlcAccount } from '../../dev/account.ts'
import { type Cirrus, startCirrus } from '../../dev/cirrus.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { loadRotationKey } from '../../src/signing/keys.ts'
import { decodeJws } from '../../src/crypto/jws.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { parseOperation } from '../../src/plc/parse.ts'
import { member, folder, pds, type RunOptions } from './support.ts'

const RECORDS = 30
const BLOBS = 4
const PASSWORD = 'the account password'
const ADMIN = 'admin-password-of-the-test'

let plc: PlcDirectory
let here: Awaited<ReturnType<typeof folder>>
let account: PlcAccount
let cirrus: Cirrus

const start = (env: Record<string, string> = {}) =>
  startCirrus({ ...account, password: PASSWORD, adminPassword: ADMIN, env })
const run = (args: readonly string[], options: RunOptions = {}) =>
  pds([...args, '--host', cirrus.url], {
    cwd: here.path,
    ...options,
    env: { ADMIN_PASSWORD: ADMIN, ADMIN_PASSWORD_HOST: cirrus.url, ...options.env },
  })
const restore = (options: RunOptions = {}, ...args: string[]) =>
  run(['restore', './backup', '--yes', '--json', ...args], {
    ...options,
    env: { PDS_PASSWORD: PASSWORD, ...options.env },
  })
const status = async () => (await run(['status', '--json'])).json
const code = (json: unknown) => member(json, 'error', 'code')
/** The Worker is deleted and deployed again: no state, the same name and keys. */
const redeploy = async () => {
  await cirrus.close()
  cirrus = await start()
}
const writeToml = ({ port }: PlcAccount) =>
  writeFile(
    here.in('wrangler.toml'),
    `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\nHOSTNAME = "localhost:${port}"\n`,
  )
const writeKeys = () => writeFile(here.in('.dev.vars'), `SIGNING_KEY=${account.signingKey}\n`)
/** Has the DID name another PDS, by its rotation key. */
const pointDid = async (endpoint: string) => {
  const get = async (path: string): Promise<unknown> =>
    (await fetch(`${plc.url}/${account.did}/${path}`)).json()
  const log = await get('log/audit')
  const prev = String(member(Array.isArray(log) ? log.at(-1) : undefined, 'cid'))
  const last: unknown = await get('log/last')
  const { rotationKeys, verificationMethods, alsoKnownAs } = parseOperation(last)
  const services = { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint } }
  const key = await loadRotationKey(new Secret(account.signingKey))
  const operation = await key.signOperation({
    type: 'plc_operation',
    prev,
    rotationKeys,
    verificationMethods,
    alsoKnownAs,
    services,
  })
  const answer = await fetch(`${plc.url}/${account.did}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(operation),
  })
  if (!answer.ok) throw new Error(await answer.text())
}
/** One record more than the backup has. */
const writeRecord = async () => {
  const { did, accessJwt } = await signIn(cirrus.url, cirrus)
  const collection = 'app.bsky.feed.post'
  const answer = await fetch(`${cirrus.url}/xrpc/com.atproto.repo.createRecord`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessJwt}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      repo: did,
      collection,
      record: { $type: collection, text: 'later', createdAt: new Date().toISOString() },
    }),
  })
  if (!answer.ok) throw new Error(await answer.text())
}
/** A file of the state of the backup. */
const inState = async (name: string, dir = 'backup') => {
  const state = (await readdir(here.in(dir))).find((entry) => entry.startsWith('state-'))
  return here.in(`${dir}/${state ?? ''}/${name}`)
}
const isRestored = {
  state: 'active',
  repo: { records: RECORDS },
  blobs: { expected: BLOBS, stored: BLOBS },
  identity: { movedAway: false },
}

beforeAll(async () => {
  plc = await startPlc()
})
afterAll(() => plc.close())
beforeEach(async () => {
  here = await folder()
  account = await createPlcAccount({ plcUrl: plc.url, handle: 'alice.test' })
  await writeToml(account)
  cirrus = await start()
  await activate(cirrus)
  await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: RECORDS, blobs: BLOBS })
  expect((await run(['backup', 'backup', '--without-keys'])).code).toBe(0)
}, 60_000)
afterEach(async () => {
  await cirrus.close()
  await here[Symbol.asyncDispose]()
})

describe('pds backup, interrupted', () => {
  /** The state after a run was killed: most of the CAR, with the byte at `damage` changed if it is given. */
  const interrupt = async (damage?: number) => {
    const whole = await readFile(await inState('repo.car'))
    const partial = whole.subarray(0, whole.length * 0.9)
    if (damage !== undefined) partial[damage] = (partial[damage] ?? 0) ^ 1
    await rm(here.in('backup'), { recursive: true })
    await mkdir(here.in('backup/incoming/state'), { recursive: true })
    await writeFile(here.in('backup/incoming/state/repo.car.part'), partial)
    return Buffer.from(whole)
  }

  it('continues a repository where an earlier run was interrupted', async () => {
    const whole = await interrupt()
    expect((await run(['backup', 'backup', '--without-keys'])).code).toBe(0)
    expect(Buffer.from(await readFile(await inState('repo.car'))).equals(whole)).toBe(true)
    expect(await readdir(here.in('backup'))).not.toContain('incoming')
    // What was there is not fetched again: a damaged byte is found, and the next run starts over.
    await interrupt(5000)
    const damaged = await run(['backup', 'backup', '--without-keys'])
    expect([damaged.code, damaged.stderr]).toEqual([3, expect.stringContaining('does not verify')])
    expect(await readdir(here.in('backup'))).not.toContain('archive.json')
    expect((await run(['backup', 'backup', '--without-keys'])).code).toBe(0)
    expect(Buffer.from(await readFile(await inState('repo.car'))).equals(whole)).toBe(true)
  })

  it('starts over if the account has been written to since', async () => {
    await interrupt()
    await writeRecord()
    const done = await run(['backup', 'backup', '--without-keys', '--json'])
    expect(done.json).toMatchObject({ ok: true, records: RECORDS + 1 })
  })
})

describe('pds restore', () => {
  it('restores the account from the backup on a new server with the same key', async () => {
    await redeploy()
    await writeKeys()
    expect(member(await status(), 'next')).toContain('pds restore <dir>')
    const done = await restore()
    expect(done.json, done.stdout).toMatchObject({
      ok: true,
      did: account.did,
      records: RECORDS,
      lost: [],
      problems: [],
      activated: true,
    })
    expect(done.stderr).toBe('')
    expect(await status()).toMatchObject(isRestored)
    expect((await run(['check', '--json'])).json).toMatchObject({ ok: true })
    expect((await run(['identity', '--json'])).json).toMatchObject({ ok: true, here: true })
    const first = await signIn(cirrus.url, cirrus)
    const answer = await fetch(`${cirrus.url}/xrpc/app.bsky.actor.getPreferences`, {
      headers: { authorization: `Bearer ${first.accessJwt}` },
    })
    expect(member(await answer.json(), 'preferences')).toHaveLength(2)
    const [cid = ''] = await readdir(here.in('backup/blobs'))
    const blob = await fetch(`${cirrus.url}/xrpc/com.atproto.sync.getBlob?did=${account.did}&cid=${cid}`)
    expect(blob.headers.get('content-type')).toBe('image/png')
    expect(Buffer.from(await blob.arrayBuffer())).toEqual(await readFile(here.in(`backup/blobs/${cid}`)))
    expect((await restore()).json).toMatchObject({ ok: true, already: true })
    // The restored account's revision is later than every earlier one.
    const { rev } = decodeJws((await readFile(await inState('manifest.jws'), 'utf8')).trim(), 2 ** 20).payload
    expect(String(member(done.json, 'rev')) > String(rev)).toBe(true)
  })

  it('activates the account only after a confirmation', async () => {
    await redeploy()
    await writeKeys()
    const quiet = await run(['restore', 'backup', '--json'], { env: { PDS_PASSWORD: PASSWORD } })
    expect(quiet.json).toMatchObject({
      ok: true,
      activated: false,
      next: expect.stringContaining('pds activate'),
    })
    expect(await status()).toMatchObject({ ...isRestored, state: 'deactivated' })
    const typed = { tty: true, stdin: `${PASSWORD}\ny` }
    const asked = await run(['restore', here.in('backup')], typed)
    expect([asked.code, asked.stdout]).toEqual([0, expect.stringContaining('and active')])
    expect(await status()).toMatchObject(isRestored)
  })

  it('restores into a deactivated account with its password, and asks before it replaces anything', async () => {
    await writeRecord()
    expect((await run(['deactivate', '--yes'])).code).toBe(0)
    expect(await status()).toMatchObject({ repo: { records: RECORDS + 1 } })
    const env = { PDS_PASSWORD: PASSWORD }
    const unasked = await run(['restore', './backup', '--json'], { env })
    expect([unasked.code, code(unasked.json)]).toEqual([4, 'not-confirmed'])
    expect((await restore({ env })).json).toMatchObject({ ok: true, activated: true })
    expect(await status()).toMatchObject(isRestored)
  })

  it('needs the password if no session is left', async () => {
    expect((await run(['deactivate', '--yes'])).code).toBe(0)
    expect(code((await restore({ env: { PDS_PASSWORD: '' } })).json)).toBe('sign-in-needed')
    expect(code((await restore({ env: { PDS_PASSWORD: 'wrong' } })).json)).toBe('sign-in-needed')
    expect((await restore({ env: { PDS_PASSWORD: PASSWORD } })).json).toMatchObject({
      ok: true,
      activated: true,
    })
  })

  it('continues after any answer is lost, and activates nothing before everything is there', async () => {
    await redeploy()
    await writeKeys()
    const steps = ['createAccount', 'importRepo', 'uploadBlob', 'putPreferences', 'activateAccount']
    const left = new Set(steps)
    const states: unknown[] = []
    const flaky: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init)
      const step = steps.find((name) => String(input).endsWith(`.${name}`))
      if (!step || !left.delete(step)) return answer
      states.push(member(await status(), 'active'))
      await answer.body?.cancel()
      throw new TypeError('the line was cut')
    }
    const codes: number[] = []
    while (codes.at(-1) !== 0 && codes.length < 12)
      codes.push((await restore({ fetch: flaky, env: { PDS_PASSWORD: PASSWORD } })).code)
    expect(left.size).toBe(0)
    expect(states).toEqual([false, false, false, false, true])
    expect(await status()).toMatchObject(isRestored)
  }, 60_000)

  it('does not replace an active account', async () => {
    await writeRecord()
    expect(code((await restore()).json)).toBe('account-active')
    expect(await status()).toMatchObject({ state: 'active', repo: { records: RECORDS + 1 } })
  })

  it('says what is wrong with a folder, and sends nothing', async () => {
    await redeploy()
    await writeKeys()
    const sent: string[] = []
    const watched: typeof fetch = (input, init) => {
      if (init?.method === 'POST') sent.push(String(input))
      return fetch(input, init)
    }
    const attempt = async (damage: () => Promise<void>) => {
      await rm(here.in('bad'), { recursive: true, force: true })
      await cp(here.in('backup'), here.in('bad'), { recursive: true })
      await damage()
      const done = await run(['restore', 'bad', '--json'], { fetch: watched })
      return [done.code, code(done.json)]
    }
    const flip = async (file: string) => {
      const bytes = await readFile(file)
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 40) ^ 1, bytes.length - 40)
      await writeFile(file, bytes)
    }
    const bad = (name: string) => inState(name, 'bad')
    expect(await attempt(async () => flip(await bad('repo.car')))).toEqual([1, 'bad-backup'])
    expect(await attempt(async () => rm(await bad('repo.car')))).toEqual([1, 'bad-backup'])
    expect(await attempt(async () => flip(await bad('manifest.jws')))).toEqual([4, 'not-confirmed'])
    expect(await attempt(async () => writeFile(await bad('preferences.json'), '{"preferences": 1}'))).toEqual(
      [4, 'not-confirmed'],
    )
    const [blob = ''] = await readdir(here.in('backup/blobs'))
    expect(await attempt(() => flip(here.in(`bad/blobs/${blob}`)))).toEqual([4, 'not-confirmed'])
    expect(await attempt(async () => rm(await bad('manifest.jws')))).toEqual([4, 'not-confirmed'])
    expect(await attempt(() => writeFile(here.in('bad/archive.json'), '{'))).toEqual([1, 'bad-backup'])
    expect(code((await run(['restore', './nowhere', '--json'])).json)).toBe('bad-backup')
    expect(code((await run(['restore', '.', '--json'])).json)).toBe('bad-backup')
    expect(sent).toEqual([])
    expect(await status()).toMatchObject({ state: 'absent' })
  })

  it('restores what an incomplete backup has, after a confirmation, and says what is missing', async () => {
    await redeploy()
    await writeKeys()
    const [blob = ''] = await readdir(here.in('backup/blobs'))
    const file = here.in(`backup/blobs/${blob}`)
    const bytes = await readFile(file)
    await rm(file)
    const done = await restore()
    expect(done.code).toBe(3)
    expect(done.json).toMatchObject({ ok: false, lost: [blob], activated: true })
    // The blob is found later, when the account is already in use.
    await writeRecord()
    await writeFile(file, bytes)
    const env = { PDS_PASSWORD: PASSWORD }
    expect((await restore({ env })).json).toMatchObject({ ok: true, lost: [], activated: true })
    expect(await status()).toMatchObject({ blobs: isRestored.blobs, repo: { records: RECORDS + 1 } })
  })

  it('refuses the backup of another account', async () => {
    const other = await createPlcAccount({ plcUrl: plc.url, handle: 'bob.test' })
    await cirrus.close()
    cirrus = await startCirrus({ ...other, password: PASSWORD, adminPassword: ADMIN })
    await writeToml(other)
    await writeFile(here.in('.dev.vars'), `SIGNING_KEY=${other.signingKey}\n`)
    expect(code((await restore()).json)).toBe('wrong-account')
  })

  it('needs the key that the DID names, from the environment or a file', async () => {
    await redeploy()
    expect(code((await restore()).json)).toBe('no-signing-key')
    expect(code((await restore({ env: { SIGNING_KEY: '11'.repeat(32) } })).json)).toBe('no-signing-key')
    expect(code((await restore({ env: { SIGNING_KEY: 'no key' } })).json)).toBe('bad-config')
    expect(await status()).toMatchObject({ state: 'absent' })
    expect((await restore({ env: { SIGNING_KEY: account.signingKey } })).json).toMatchObject({ ok: true })
  })

  it('takes the key out of the backup, with its passphrase, where no key file is left', async () => {
    const keyFile = here.in('cirrus-keys-alice.test.json')
    const { did, handle, signingKey, port } = account
    const secrets = {
      SIGNING_KEY: signingKey,
      ADMIN_PASSWORD: 'a',
      PASSWORD_HASH: 'h',
      SESSION_SECRET: 's',
    }
    const { did: publicKey } = await loadRotationKey(new Secret(signingKey))
    const keys = { did, handle, hostname: `localhost:${port}`, signingKey: publicKey, secrets }
    await writeFile(keyFile, JSON.stringify(keys))
    const passphrase = { PDS_BACKUP_PASSPHRASE: 'correct horse battery staple' }
    const made = await run(['backup', 'backup', '--json'], { env: passphrase })
    expect(made.json, made.stdout).toMatchObject({ ok: true, keys: true })
    await rm(keyFile)
    await redeploy()
    const unasked = await restore()
    expect([code(unasked.json), unasked.stdout]).toEqual([
      'no-signing-key',
      expect.stringContaining('PDS_BACKUP_PASSPHRASE'),
    ])
    const wrong = await restore({ env: { PDS_BACKUP_PASSPHRASE: 'another passphrase' } })
    expect(code(wrong.json)).toBe('wrong-passphrase')
    expect(await status()).toMatchObject({ state: 'absent' })
    const done = await restore({ env: passphrase })
    expect(done.json, done.stdout).toMatchObject({ ok: true, activated: true, records: RECORDS })
  })

  it('restores a did:web of the server’s own host name', async () => {
    await cirrus.close()
    const options = { plcUrl: plc.url, handle: 'alice.test', password: PASSWORD, adminPassword: ADMIN }
    cirrus = await startCirrus(options)
    await activate(cirrus)
    await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: RECORDS, blobs: BLOBS })
    expect((await run(['backup', 'web', '--without-keys'])).code).toBe(0)
    const { port, signingKey } = cirrus
    await cirrus.close()
    cirrus = await startCirrus({ ...options, port, signingKey })
    const env = { SIGNING_KEY: signingKey, PDS_PASSWORD: PASSWORD }
    const done = await run(['restore', 'web', '--yes', '--json'], { env })
    expect(done.json, done.stdout).toMatchObject({ ok: true, activated: true })
    expect(await status()).toMatchObject(isRestored)
  })

  it('stops before the activation if the DID names another server, and says what to do', async () => {
    await redeploy()
    await writeKeys()
    await pointDid('https://elsewhere.example.com')
    const done = await restore()
    expect([done.code, code(done.json)]).toEqual([1, 'did-elsewhere'])
    expect(member(done.json, 'error', 'next')).toContain('pds import --from https://elsewhere.example.com')
    expect(await status()).toMatchObject({ state: 'deactivated', repo: { records: RECORDS } })
    await pointDid(cirrus.url)
    expect((await restore()).json).toMatchObject({ ok: true, activated: true })
  })
})
