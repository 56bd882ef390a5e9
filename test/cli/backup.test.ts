// `pds backup` and `pds backup verify` against a real server.
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { openArchive } from '../../src/archive/openArchive.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { loadSigningKey } from '../../src/signing/keys.ts'
import { folder, member, pds, type RunOptions } from './support.ts'

const RECORDS = 60
const BLOBS = 4
const PASSPHRASE = 'correct horse battery staple'

let plc: PlcDirectory
let cirrus: Awaited<ReturnType<typeof startPlcCirrus>>
let here: Awaited<ReturnType<typeof folder>>

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
  await writeFile(
    here.in('wrangler.toml'),
    `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\nHOSTNAME = "localhost:${cirrus.port}"\n`,
  )
})
afterEach(() => here[Symbol.asyncDispose]())

const run = (args: readonly string[], options: RunOptions = {}) =>
  pds([...args, '--host', cirrus.url], {
    cwd: here.path,
    ...options,
    env: { ADMIN_PASSWORD: cirrus.adminPassword, ADMIN_PASSWORD_HOST: cirrus.url, ...options.env },
  })
const backup = (options: RunOptions = {}, ...args: string[]) =>
  run(['backup', 'backup', '--json', ...args], options)
const bare = (options: RunOptions = {}) => backup(options, '--without-keys')
/** Without a network: every request fails the test. */
const verify = (dir = 'backup', ...args: string[]) =>
  pds(['backup', 'verify', dir, '--json', ...args], {
    cwd: here.path,
    env: { PDS_BACKUP_PASSPHRASE: PASSPHRASE },
    fetch: () => Promise.reject(new Error('verify asked the network')),
  })
const findings = async (dir = 'backup') => {
  const { code, json } = await verify(dir)
  const found = member(json, 'findings')
  return [
    code,
    Array.isArray(found)
      ? found.map((finding) => [member(finding, 'problem'), member(finding, 'file')])
      : json,
  ]
}
const errorCode = (json: unknown) => member(json, 'error', 'code')
/** The folder of the state, such as `state-20261130T010203Z-3m…`. */
const stateOf = async (dir = 'backup') => {
  const state = (await readdir(here.in(dir))).find((name) => name.startsWith('state-'))
  return `${dir}/${state ?? ''}`
}
/** A key file such as `pds init` writes. */
const writeKeyFile = async () => {
  const { did, handle, signingKey, port } = cirrus
  const secrets = { SIGNING_KEY: signingKey, ADMIN_PASSWORD: 'a', PASSWORD_HASH: 'h', SESSION_SECRET: 's' }
  const key = await loadSigningKey(new Secret(signingKey))
  const keys = { did, handle, hostname: `localhost:${port}`, signingKey: key.did, secrets }
  await writeFile(here.in(`cirrus-keys-${handle}.json`), JSON.stringify(keys))
}
const write = async (text: string) => {
  const { did, accessJwt } = await signIn(cirrus.url, cirrus)
  const collection = 'app.bsky.feed.post'
  const record = { $type: collection, text, createdAt: new Date().toISOString() }
  const answer = await fetch(`${cirrus.url}/xrpc/com.atproto.repo.createRecord`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessJwt}`, 'content-type': 'application/json' },
    body: JSON.stringify({ repo: did, collection, record }),
  })
  if (!answer.ok) throw new Error(await answer.text())
}
const flip = async (file: string) => {
  const bytes = await readFile(here.in(file))
  const at = Math.floor(bytes.length / 2)
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  await writeFile(here.in(file), bytes)
}

describe('pds backup', () => {
  it('writes an archive that verifies, and lists every file with size and hash', async () => {
    const made = await bare()
    expect(made.json, made.stdout).toMatchObject({
      ok: true,
      did: cirrus.did,
      blobs: { count: BLOBS, fetched: BLOBS, lost: [] },
      repository: 'fetched',
      keys: false,
    })
    expect(await findings()).toEqual([0, []])
    const state = await stateOf()
    expect((await readdir(here.in(state))).toSorted()).toEqual([
      'SHA256SUMS',
      'blobs.jsonl',
      'did.json',
      'manifest.jws',
      'plc-log.json',
      'preferences.json',
      'repo.car',
    ])
    expect((await readdir(here.in('backup'))).toSorted()).toEqual([
      'archive.json',
      'blobs',
      state.split('/')[1],
    ])
    const index: unknown = JSON.parse(await readFile(here.in('backup/archive.json'), 'utf8'))
    const files = member(index, 'files')
    expect(files).toHaveLength(BLOBS + 7)
    for (const file of Array.isArray(files) ? files : [])
      expect((await stat(here.in(`backup/${String(member(file, 'path'))}`))).size).toBe(member(file, 'size'))
  })

  it('can be checked with sha256sum alone', async () => {
    await bare()
    const { execFileSync } = await import('node:child_process')
    const said = execFileSync('sha256sum', ['-c', 'SHA256SUMS'], {
      cwd: here.in(await stateOf()),
      encoding: 'utf8',
    })
    expect(said.trim().split('\n')).toHaveLength(BLOBS + 6)
    expect(said).not.toContain('FAILED')
  })

  it('fetches nothing twice, and after a write only what is new', async () => {
    await bare()
    const again = await bare()
    expect(again.json).toMatchObject({ ok: true, repository: 'reused', blobs: { fetched: 0 } })
    await write('one more')
    const sent: string[] = []
    const watched: typeof fetch = (input, init) => {
      sent.push(String(input))
      return fetch(input, init)
    }
    const later = await bare({ fetch: watched })
    expect(later.json, later.stdout).toMatchObject({ ok: true, repository: 'merged', blobs: { fetched: 0 } })
    expect(sent.filter((url) => url.includes('getRepo'))).toEqual([expect.stringContaining('since=')])
    expect(await findings()).toEqual([0, []])
    // The CAR that was merged is, byte for byte, the one that the server gives.
    const whole = await fetch(`${cirrus.url}/xrpc/com.atproto.sync.getRepo?did=${cirrus.did}`)
    expect(
      Buffer.from(await whole.arrayBuffer()).equals(await readFile(here.in(`${await stateOf()}/repo.car`))),
    ).toBe(true)
  })

  it('fetches what was damaged or lost again', async () => {
    await bare()
    const [first = '', second = ''] = await readdir(here.in('backup/blobs'))
    await writeFile(here.in(`backup/blobs/${first}`), 'damaged')
    await rm(here.in(`backup/blobs/${second}`))
    await flip(`${await stateOf()}/repo.car`)
    const mended = await bare()
    expect(mended.json, mended.stdout).toMatchObject({
      ok: true,
      repository: 'fetched',
      blobs: { fetched: 2 },
    })
    expect(await findings()).toEqual([0, []])
  })

  it('encrypts the key file with a passphrase, which opens it again', async () => {
    await writeKeyFile()
    const made = await backup({ env: { PDS_BACKUP_PASSPHRASE: PASSPHRASE } })
    expect(made.json, made.stdout).toMatchObject({ ok: true, keys: true })
    const archive = await openArchive(here.in('backup'))
    const { signingKey, keyFile } = await archive.secrets(new Secret(PASSPHRASE))
    expect(signingKey.reveal()).toBe(cirrus.signingKey)
    expect(keyFile.reveal()).toBe(await readFile(here.in('cirrus-keys-alice.test.json'), 'utf8'))
    await expect(archive.secrets(new Secret('another passphrase'))).rejects.toMatchObject({
      code: 'WrongPassphrase',
    })
    // Nothing of the keys is in any other file, nor on the screen.
    for (const file of await readdir(here.in('backup'), { recursive: true, withFileTypes: true }))
      if (file.isFile())
        expect(await readFile(`${file.parentPath}/${file.name}`, 'latin1')).not.toContain(cirrus.signingKey)
    expect(made.stdout + made.stderr).not.toContain(cirrus.signingKey)
    expect((await verify('backup', '--keys')).code).toBe(0)
    // The keys did not change: no passphrase is asked for.
    const again = await backup()
    expect(again.json, again.stdout).toMatchObject({ ok: true, keys: true })
    expect((await verify('backup', '--keys')).code).toBe(0)
  })

  it('asks for the passphrase twice, and takes no short one', async () => {
    await writeKeyFile()
    const typed = await run(['backup', 'backup'], { tty: true, stdin: `${PASSPHRASE}\n${PASSPHRASE}` })
    expect([typed.code, typed.stdout]).toEqual([0, expect.stringContaining('encrypted with the passphrase')])
    const short = await backup({ env: { PDS_BACKUP_PASSPHRASE: 'short' } })
    expect([short.code, short.stdout]).toEqual([2, expect.stringContaining('at least 12')])
    await rm(here.in('backup'), { recursive: true })
    const unasked = await backup()
    expect([unasked.code, errorCode(unasked.json)]).toEqual([4, 'not-a-terminal'])
    expect(unasked.stdout).toContain('--without-keys')
  })

  it('says that the keys are not in the backup', async () => {
    const [warning] = [member((await backup()).json, 'warnings')].flat()
    expect(member(warning, 'message')).toContain('no key file')
    const [left] = [member((await bare()).json, 'warnings')].flat()
    expect(member(left, 'message')).toContain('left out')
  })

  it('refuses the folder of another account, and one that is not a backup', async () => {
    await bare()
    await using other = await startPlcCirrus({ plcUrl: plc.url, handle: 'bob.test' })
    const refused = await pds(['backup', 'backup', '--json', '--without-keys', '--host', other.url], {
      cwd: here.path,
      env: { ADMIN_PASSWORD: other.adminPassword, ADMIN_PASSWORD_HOST: other.url },
    })
    expect([errorCode(refused.json), refused.stdout]).toEqual([
      'bad-folder',
      expect.stringContaining(cirrus.did),
    ])
    expect(await findings()).toEqual([0, []])
    await mkdir(here.in('photos'))
    await writeFile(here.in('photos/cat.png'), 'a cat')
    const photos = await run(['backup', 'photos', '--json'])
    expect(errorCode(photos.json)).toBe('bad-folder')
    expect(await readdir(here.in('photos'))).toEqual(['cat.png'])
  })

  it('lets no second backup into the folder, unless the first has died', async () => {
    await bare()
    await mkdir(here.in('backup/incoming'))
    const { hostname } = await import('node:os')
    const lock = (pid: number) =>
      writeFile(here.in('backup/incoming/lock'), JSON.stringify({ pid, host: hostname() }))
    await lock(process.ppid)
    const refused = await bare()
    expect([errorCode(refused.json), refused.stdout]).toEqual([
      'bad-folder',
      expect.stringContaining('under way'),
    ])
    await lock(2 ** 22 - 1)
    expect((await bare()).json).toMatchObject({ ok: true })
  })

  it('asks before a backup is replaced by that of an account that was emptied', async () => {
    await bare()
    const index = JSON.parse(await readFile(here.in('backup/archive.json'), 'utf8')) as { records: number }
    await writeFile(here.in('backup/archive.json'), JSON.stringify({ ...index, records: 10_000 }))
    const unasked = await bare()
    expect([unasked.code, errorCode(unasked.json)]).toEqual([4, 'not-confirmed'])
    expect((await backup({}, '--without-keys', '--yes')).json).toMatchObject({ ok: true })
  })

  it('makes an archive of a folder of `pds export`, and fetches nothing of it again', async () => {
    await bare()
    const state = await stateOf()
    await mkdir(here.in('old'))
    for (const name of ['repo.car', 'blobs.jsonl', 'preferences.json', 'plc-log.json', 'manifest.jws'])
      await cp(here.in(`${state}/${name}`), here.in(`old/${name}`))
    await cp(here.in('backup/blobs'), here.in('old/blobs'), { recursive: true })
    expect(await findings('old')).toEqual([0, []])
    expect((await openArchive(here.in('old'))).facts).toMatchObject({ did: cirrus.did })
    const done = await run(['backup', 'old', '--json', '--without-keys'])
    expect(done.json, done.stdout).toMatchObject({ ok: true, repository: 'reused', blobs: { fetched: 0 } })
    expect((await readdir(here.in('old'))).toSorted()).toEqual([
      'archive.json',
      'blobs',
      expect.stringMatching(/^state-/),
    ])
    expect(await findings('old')).toEqual([0, []])
  })
})

describe('a folder with other files', () => {
  it('keeps what somebody has put beside the blobs', async () => {
    await bare()
    await writeFile(here.in('backup/blobs/notes.txt'), 'mine')
    expect((await bare()).json).toMatchObject({ ok: true })
    expect(await readFile(here.in('backup/blobs/notes.txt'), 'utf8')).toBe('mine')
    expect(await findings()).toEqual([3, [['extra', 'blobs/notes.txt']]])
  })
})

describe('pds backup verify', () => {
  it('names exactly the file that is wrong, missing or extra, and exits with 3', async () => {
    await writeKeyFile()
    await backup({ env: { PDS_BACKUP_PASSPHRASE: PASSPHRASE } })
    const state = (await stateOf()).split('/')[1] ?? ''
    const index: unknown = JSON.parse(await readFile(here.in('backup/archive.json'), 'utf8'))
    const files = [member(index, 'files')].flat().map((file) => String(member(file, 'path')))
    expect(files).toHaveLength(BLOBS + 8)
    for (const file of files) {
      for (const [problem, damage] of [
        ['wrong', () => flip(`bad/${file}`)],
        ['missing', () => rm(here.in(`bad/${file}`))],
      ] as const) {
        await rm(here.in('bad'), { recursive: true, force: true })
        await cp(here.in('backup'), here.in('bad'), { recursive: true })
        await damage()
        const [code, found] = await findings('bad')
        expect([code, found], `${problem} ${file}`).toEqual([3, expect.arrayContaining([[problem, file]])])
        // Only what depends on that file is named besides.
        if (file.startsWith('blobs/')) expect(found).toEqual([[problem, file]])
      }
    }
    await rm(here.in('bad'), { recursive: true, force: true })
    await cp(here.in('backup'), here.in('bad'), { recursive: true })
    await writeFile(here.in('bad/blobs/notes.txt'), 'mine')
    await writeFile(here.in('bad/readme.txt'), 'mine')
    await writeFile(here.in(`bad/${state}/.DS_Store`), 'a file manager’s')
    expect(await findings('bad')).toEqual([
      3,
      [
        ['extra', 'blobs/notes.txt'],
        ['extra', 'readme.txt'],
      ],
    ])
    await flip('bad/archive.json')
    expect((await verify('bad')).code).not.toBe(0)
  })

  it('finds what hashes cannot: files that were exchanged together with their hashes', async () => {
    await bare()
    const state = await stateOf()
    const car = await readFile(here.in(`${state}/repo.car`))
    // A repository of other bytes, and an index that says so.
    const other = Buffer.from(car)
    other.writeUInt8(other.readUInt8(other.length - 40) ^ 1, other.length - 40)
    await writeFile(here.in(`${state}/repo.car`), other)
    const { createHash } = await import('node:crypto')
    const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    const text = await readFile(here.in('backup/archive.json'), 'utf8')
    await writeFile(here.in('backup/archive.json'), text.replaceAll(hash(car), hash(other)))
    const [code, found] = await findings()
    expect([code, found]).toEqual([3, expect.arrayContaining([['wrong', `${state.split('/')[1]}/repo.car`]])])
  })

  it('says that a backup was interrupted before it was complete', async () => {
    await bare()
    await rm(here.in('backup/archive.json'))
    await mkdir(here.in('backup/incoming'))
    const said = await verify()
    expect([said.code, said.stdout]).toEqual([3, expect.stringContaining('interrupted')])
    await rename(here.in('backup'), here.in('elsewhere'))
    expect(errorCode((await verify()).json)).toBe('bad-backup')
  })
})
