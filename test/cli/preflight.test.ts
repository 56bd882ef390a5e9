/** What `pds preflight` finds, and what a person sees of it. */
import { Secp256k1Keypair } from '@atproto/crypto'
import { writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPlcCirrus } from '../../dev/account.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { undoFileText } from '../../src/mover/undo/undoFile.ts'
import { buildUndo } from '../../src/plc/undo.ts'
import { signOperation } from '../mover/fakes/directory.ts'
import { createWorld, type FakeWorld, type FakeWorldOptions } from '../mover/fakes/fakeWorld.ts'
import { folder, pds } from './support.ts'

type PlcCirrus = Awaited<ReturnType<typeof startPlcCirrus>>

let root: Awaited<ReturnType<typeof folder>>
beforeEach(async () => {
  root = await folder()
})
afterEach(() => root[Symbol.asyncDispose]())

const NEW = 'https://new.fake-pds.org'

const open = async (options: FakeWorldOptions = {}) => {
  const world = await createWorld(options)
  await writeFile(
    root.in('wrangler.toml'),
    `name = "x"\n[vars]\nPLC_DIRECTORY_URL = "${world.directory.origin}"\n`,
  )
  return world
}
const run = (world: FakeWorld, args: string[] = [], env: Record<string, string> = {}) =>
  pds(['preflight', '--identifier', world.handle, ...args], {
    cwd: root.path,
    env,
    fetch: world.network.fetch,
    now: () => world.network.now(),
  })
/** What differs from run to run. */
const plain = (text: string): string =>
  text.replaceAll(/did:(plc|key):\w+/g, 'did:…').replaceAll(/bafk\w+/g, 'bafk…')
interface Report {
  level: string
  checks: { id: string; level: string; seen: string; mend?: string }[]
}
const reportOf = async (world: FakeWorld, args: string[] = [], env: Record<string, string> = {}) => {
  const { json, code } = await run(world, [...args, '--json'], env)
  const { checks, level } = json as Report
  return { code, level, checks, find: (id: string) => checks.find((check) => check.id === id) }
}

describe('pds preflight', () => {
  it('shows what is known of an account on any PDS, without signing in', async () => {
    const world = await open()
    const ran = await run(world, ['--to', NEW])
    expect(ran.code).toBe(0)
    expect(plain(ran.stdout)).toMatchInlineSnapshot(`
      "✓ identity      did:… names https://old.fake-pds.org
      ! recovery-key  whose these rotation keys are is not known, the highest first: did:…, did:…
                      Next: make a recovery key before the move, and put it first: \`pds recovery-key create <file>\`, then \`pds recovery-key add <file> --identifier did:…\`
      ✓ operations    the PLC directory takes 9 more operations of this DID in this hour
      ✓ repository    all 12 records verified, signed with the key that the DID names
      ✓ blobs         all 3 blobs that records refer to are there; 3 have the right hash
      ✓ target        https://new.fake-pds.org answers, and is did:web:new.fake-pds.org
      ✓ invite        no invite code is needed
      ✓ account       https://new.fake-pds.org shows no account of this DID
      ! handle        alice.old.fake-pds.org belongs to https://old.fake-pds.org, so it cannot stay
                      Next: choose another one (--handle), such as one below .new.fake-pds.org
      ✓ largest-blob  the largest blob has 64 B, which PDSes usually take
      ✓ duration      about 5 seconds for 12 records and 3 blobs, 2.6 kB, at 2 MB a second
      Nothing stands in the way; read the 2 lines with ! first.
      "
    `)
    expect(world.network.requests.every(({ authorization }) => authorization === null)).toBe(true)
    expect(world.target.accounts.size).toBe(0)
  })

  it('is all green where the recovery key is known and the handle can stay', async () => {
    const world = await open()
    await writeFile(
      root.in('wrangler.toml'),
      `name = "x"\n[vars]\nPLC_DIRECTORY_URL = "${world.directory.origin}"\nRECOVERY_KEYS = "${world.ownerKeys[0]?.did()}"\n`,
    )
    const ran = await run(world, ['--to', NEW, '--handle', 'alice.new.fake-pds.org'])
    expect(plain(ran.stdout)).toMatchInlineSnapshot(`
      "✓ identity      did:… names https://old.fake-pds.org
      ✓ recovery-key  a recovery key of yours is among the first: for 72 hours a move can be taken back
      ✓ operations    the PLC directory takes 9 more operations of this DID in this hour
      ✓ repository    all 12 records verified, signed with the key that the DID names
      ✓ blobs         all 3 blobs that records refer to are there; 3 have the right hash
      ✓ target        https://new.fake-pds.org answers, and is did:web:new.fake-pds.org
      ✓ invite        no invite code is needed
      ✓ account       https://new.fake-pds.org shows no account of this DID
      ✓ handle        alice.new.fake-pds.org can be the account’s on https://new.fake-pds.org
      ✓ largest-blob  the largest blob has 64 B, which PDSes usually take
      ✓ duration      about 5 seconds for 12 records and 3 blobs, 2.6 kB, at 2 MB a second
      Nothing stands in the way of a move.
      "
    `)
    expect(ran.code).toBe(0)
  })

  it('takes the key of --recovery-key for the owner’s, by its did:key or its file', async () => {
    const world = await open()
    const [key] = world.ownerKeys
    const file = root.in('recovery-key.json')
    const privateKey = Buffer.from(key instanceof Secp256k1Keypair ? await key.export() : []).toString('hex')
    await writeFile(file, JSON.stringify({ type: 'k256', did: key?.did(), privateKey }), { mode: 0o600 })
    for (const given of [key?.did() ?? '', file]) {
      const { find } = await reportOf(world, ['--recovery-key', given])
      expect(find('recovery-key'), given).toMatchObject({ level: 'pass' })
    }
    const wrong = await run(world, ['--recovery-key', 'did:key:zabc'])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('not a did:key of a k256')])
  })

  it('shows the key above the server’s to an owner who signs in, and says what it means', async () => {
    const world = await open()
    const { find } = await reportOf(world, [], { PDS_SOURCE_PASSWORD: world.account.password })
    const key = world.ownerKeys[0]?.did()
    expect(find('recovery-key')).toMatchObject({
      level: 'warn',
      seen: `above the server’s key there is ${key}: if that is your recovery key, a move can be taken back for 72 hours`,
      mend: expect.stringContaining('compare it'),
    })
  })

  const cid = ({ account }: FakeWorld): string => [...account.blobs.keys()][0] ?? ''
  const answer = (
    world: FakeWorld,
    side: 'source' | 'target',
    method: string,
    response: () => Response,
  ): void => {
    world[side].hooks.push({ before: (call) => (call.method === method ? response() : undefined) })
  }
  const dated = (world: FakeWorld, side: 'source' | 'target', aheadMs: number) =>
    world[side].hooks.push({
      after: (_, made) => {
        const dateOf = new Date(world.network.now() + aheadMs).toUTCString()
        const headers = new Headers(made.headers)
        headers.set('date', dateOf)
        return new Response(made.body, { status: made.status, headers })
      },
    })

  it.each<[string, FakeWorldOptions, (world: FakeWorld) => void | Promise<void>, string, string, RegExp]>([
    [
      'a blob is lost',
      {},
      (world) => void world.account.blobs.delete(cid(world)),
      'blobs',
      'warn',
      /1 of 3 .*missing/,
    ],
    [
      'a blob has other bytes',
      {},
      (world) =>
        void world.account.blobs.set(cid(world), { bytes: new Uint8Array(3), mimeType: 'image/png' }),
      'blobs',
      'warn',
      /other bytes/,
    ],
    [
      'the source does not give the repository',
      {},
      (world) => answer(world, 'source', 'com.atproto.sync.getRepo', () => new Response('', { status: 400 })),
      'repository',
      'warn',
      /signed in/,
    ],
    [
      'an invite code is needed',
      { target: { inviteCode: 'code' } },
      () => {},
      'invite',
      'warn',
      /invite code/,
    ],
    [
      'the target has the account already',
      {},
      async (world) => void (await world.createAtTarget()),
      'account',
      'warn',
      /already, not active/,
    ],
    [
      'the target has an active account of the DID',
      {},
      async (world) => {
        ;(await world.createAtTarget()).active = true
      },
      'account',
      'warn',
      /active account/,
    ],
    [
      'the target tells nothing of accounts to strangers',
      {},
      (world) =>
        answer(world, 'target', 'com.atproto.sync.getRepoStatus', () =>
          Response.json({ error: 'AuthMissing', message: 'sign in' }, { status: 401 }),
        ),
      'account',
      'warn',
      /cannot be known without signing in/,
    ],
    [
      'the target is another than it says',
      { target: { serviceDid: 'did:web:elsewhere.example' } },
      () => {},
      'target',
      'fail',
      /another host/,
    ],
    [
      'a blob is larger than servers usually take',
      { blobBytes: 6_000_000 },
      () => {},
      'largest-blob',
      'warn',
      /6.0 MB/,
    ],
    [
      'a clock is 20 s off',
      {},
      (world) => void dated(world, 'target', 20_000),
      'clock',
      'warn',
      /20 s ahead/,
    ],
    [
      'a clock is a minute off',
      {},
      (world) => void dated(world, 'source', -61_000),
      'clock',
      'fail',
      /61 s behind/,
    ],
    ['the clocks agree', {}, (world) => void dated(world, 'source', 0), 'clock', 'pass', /agree/],
  ])('where %s, says so', async (_, options, change, id, level, seen) => {
    const world = await open(options)
    await change(world)
    const { find, code } = await reportOf(world, ['--to', NEW])
    expect(find(id)).toMatchObject({ level, seen: expect.stringMatching(seen) })
    if (level !== 'pass') expect(find(id)?.mend).toBeTruthy()
    expect(code).toBe(level === 'fail' ? 3 : 0)
  })

  it('fails where the DID names another server, and where the target cannot be reached or is the source', async () => {
    const world = await open()
    const elsewhere = await reportOf(world, ['--from', NEW])
    expect(elsewhere.find('identity')).toMatchObject({
      level: 'fail',
      mend: expect.stringContaining('old.fake'),
    })
    expect(elsewhere.code).toBe(3)
    const down = await reportOf(world, ['--to', 'https://nobody.fake-pds.org'])
    expect(down.find('target')).toMatchObject({ level: 'fail' })
    const self = await reportOf(world, ['--to', world.source.origin])
    expect(self.find('target')).toMatchObject({ level: 'fail', seen: expect.stringContaining('is on') })
  })

  it('refuses an app password, with the reason; with the account password it knows the server’s keys', async () => {
    const world = await open()
    world.account.appPasswords.add('app-pass-word')
    const app = await reportOf(world, [], { PDS_SOURCE_PASSWORD: 'app-pass-word' })
    expect(app.find('sign-in')).toMatchObject({
      level: 'fail',
      seen: expect.stringContaining('app password'),
      mend: expect.stringContaining('account password'),
    })
    expect(app.code).toBe(3)
    const wrong = await reportOf(world, [], { PDS_SOURCE_PASSWORD: 'nonsense' })
    expect(wrong.find('sign-in')).toMatchObject({ level: 'fail' })
    const signedIn = await reportOf(world, [], { PDS_SOURCE_PASSWORD: world.password })
    expect(signedIn.find('sign-in')).toMatchObject({ level: 'pass' })
    expect(signedIn.find('rotation-key')).toMatchObject({ level: 'pass' })
  })

  it('says whether the undo operation that was signed beforehand is fresh', async () => {
    const world = await open()
    const { did, ownerKeys, source, directory } = world
    const [key] = ownerKeys
    const sign = async () => {
      const head = directory.data(did)
      if (!head || !key) throw new Error('no head')
      const { cid: prev, ...data } = head
      return await signOperation(key, buildUndo(data, prev))
    }
    await writeFile(root.in('undo.json'), undoFileText({ did, operation: await sign() }))
    const state = async () => (await reportOf(world, ['--undo-op', 'undo.json'])).find('undo-op')
    expect(await state()).toMatchObject({ level: 'pass', seen: expect.stringContaining('fresh') })
    // Any other operation makes it worthless.
    const head = directory.data(did)
    if (!head) throw new Error('no head')
    const { cid, ...data } = head
    const names = [...data.alsoKnownAs, 'https://alice.fake-pds.org']
    const unsigned = { type: 'plc_operation' as const, ...data, alsoKnownAs: names, prev: cid }
    await directory.submit(did, await signOperation(source.rotationKey, unsigned))
    expect(await state()).toMatchObject({ level: 'warn', seen: expect.stringContaining('worthless') })
    expect((await run(world, ['--undo-op', 'nothing.json'])).stderr).toContain('there is no file')
  })

  it('says which arguments do not go together', async () => {
    const world = await open()
    const ran = await pds(['preflight', '--from', world.source.origin], { cwd: root.path })
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('--identifier')])
  })
})

describe('pds preflight of this Cirrus', () => {
  let plc: PlcDirectory
  let cirrus: PlcCirrus
  beforeAll(async () => {
    plc = await startPlc()
    cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
    await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 30, blobs: 4 })
  })
  afterAll(async () => {
    await cirrus.close()
    await plc.close()
  })

  const own = (...args: string[]) =>
    pds(['preflight', '--host', cirrus.url, ...args], {
      cwd: root.path,
      env: { ADMIN_PASSWORD: cirrus.adminPassword, ADMIN_PASSWORD_HOST: cirrus.url },
    })

  it('shows what the server knows of itself', async () => {
    await writeFile(root.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\n`)
    const ran = await own('--all-blobs')
    expect(
      plain(ran.stdout)
        .replaceAll(cirrus.url, '<this server>')
        .replaceAll(/3\w{12}/g, '<rev>'),
    ).toMatchInlineSnapshot(`
      "✓ state         the account is active here
      ✓ identity      the DID names this server (<this server>)
      ✓ signing-key   the DID names the key that this server signs with
      ✓ rotation-key  this server’s rotation key is among those of the DID, so it can sign the operation
      ✓ recovery-key  a recovery key of yours is above this server’s: for 72 hours a move can be taken back
      ✓ operations    the PLC directory takes 9 more operations of this DID in this hour
      ✓ unsubmitted   no signed operation waits to be submitted
      ✓ import        no import is running
      ✓ blobs-stored  4 blobs, all that records refer to
      ✓ commit        the latest commit, <rev>, is signed with this server’s key
      ✓ repository    all 30 records verified
      ✓ blobs         all 4 blobs have the right hash
      ✓ duration      about 5 seconds for 30 records and 4 blobs, 89.5 kB, at 2 MB a second
      Nothing stands in the way of a move.
      "
    `)
    expect(ran.code).toBe(0)
  })

  it('fails where something is wrong with it, with what to do', async () => {
    await writeFile(root.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\n`)
    const { json, code } = await own('--to', cirrus.url, '--json')
    expect([code, json]).toEqual([
      3,
      expect.objectContaining({ ok: false, level: 'fail', docs: 'docs/troubleshoot.md#preflight-failed' }),
    ])
  })
})
