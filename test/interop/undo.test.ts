// A move is undone with the real directory: to and from the reference PDS, by our commands alone.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AtpAgent } from '@atproto/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startPlcCirrus } from '../../dev/account.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { startPlc, type PlcDirectory } from '../support/plc.ts'
import { member, pds, type Ran, type RunOptions } from '../cli/support.ts'
import { startReference, type Reference, type ReferenceAccount } from './support/reference.ts'
import { seed } from './support/seed.ts'
import { readIdentity, readRepo } from './support/verify.ts'

interface AuditEntry {
  cid: string
  nullified: boolean
  operation: { rotationKeys?: string[]; prev: string | null }
}

const COLLECTION = 'app.bsky.feed.post'
const IMAGE = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3])
const TARGET_PASSWORD = 'the password at the target'

let plc: PlcDirectory
let target: Reference
let cwd: string

beforeAll(async () => {
  plc = await startPlc()
  target = await startReference({ plcUrl: plc.url })
  cwd = await mkdtemp(join(tmpdir(), 'undo-'))
})
afterAll(async () => {
  await target?.close()
  await plc?.close()
  if (cwd) await rm(cwd, { recursive: true, force: true })
})

const run = async (args: string[], env: Record<string, string>, options: RunOptions = {}): Promise<Ran> =>
  await pds(args, { cwd, ...options, env: { PLC_DIRECTORY_URL: plc.url, ...env } })
/** The command, which must succeed. */
const done = async (
  args: string[],
  env: Record<string, string>,
  options: RunOptions = {},
): Promise<unknown> => {
  const ran = await run([...args, '--json'], env, options)
  expect([args[0], ran.code, ran.code === 0 ? '' : ran.stdout + ran.stderr]).toEqual([args[0], 0, ''])
  const text = ran.stdout.trim()
  return text.includes('\n{') && !ran.json ? JSON.parse(text.split('\n').at(-1) ?? '') : ran.json
}
const audit = async (did: string): Promise<AuditEntry[]> =>
  (await (await fetch(`${plc.url}/${did}/log/audit`)).json()) as AuditEntry[]

/** What an owner does at the new server, before they regret it: a post with an image, a change, and a removal. */
const live = async (did: string): Promise<{ blob: string; posts: string[] }> => {
  const agent = new AtpAgent({ service: target.url })
  await agent.login({ identifier: did, password: TARGET_PASSWORD })
  const { data } = await agent.com.atproto.repo.uploadBlob(IMAGE, { encoding: 'image/png' })
  const createdAt = new Date().toISOString()
  const embed = { $type: 'app.bsky.embed.images', images: [{ alt: '', image: data.blob }] }
  const records = [
    { $type: COLLECTION, text: 'written at the new server', createdAt, embed },
    ...Array.from({ length: 30 }, (_, n) => ({ $type: COLLECTION, text: `more ${n}`, createdAt })),
  ]
  const { data: written } = await agent.com.atproto.repo.applyWrites({
    repo: did,
    writes: records.map((value) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: COLLECTION,
      value,
    })),
  })
  return {
    blob: data.blob.ref.toString(),
    posts: (written.results ?? []).map((each) => String(member(each, 'uri'))),
  }
}

/** All that must be true after the way back. */
const expectBack = async (
  did: string,
  home: string,
  before: string[],
  added: { blob: string; posts: string[] },
) => {
  const identity = await readIdentity(plc.url, did)
  expect(identity.services['atproto_pds']?.endpoint).toBe(home)
  const log = await audit(did)
  const nullified = log.filter((entry) => entry.nullified)
  expect(nullified).toHaveLength(1)
  const targetKeys = nullified[0]?.operation.rotationKeys ?? []
  const standing = new Set(
    log.filter((entry) => !entry.nullified).flatMap((entry) => entry.operation.rotationKeys ?? []),
  )
  const gone = targetKeys.filter((key) => !standing.has(key))
  expect(gone.length).toBeGreaterThan(0)
  const after = await readRepo(home, did)
  for (const uri of [...before, ...added.posts])
    expect([...after.records.keys()]).toContain(uri.replace(`at://${did}/`, ''))
  const blob = await fetch(`${home}/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${added.blob}`)
  expect([blob.status, (await blob.arrayBuffer()).byteLength]).toEqual([200, IMAGE.length])
  const status = await fetch(`${target.url}/xrpc/com.atproto.sync.getRepoStatus?did=${did}`)
  expect(await status.json()).toMatchObject({ active: false })
}

describe('a move from a reference PDS to another one', () => {
  let source: Reference
  let alice: ReferenceAccount
  let env: Record<string, string>
  let code: () => Promise<{ PDS_PLC_TOKEN: string }>

  beforeAll(async () => {
    source = await startReference({ plcUrl: plc.url })
    alice = await source.createAccount({ handle: 'alice.test' })
    await seed(alice.agent, { records: 40, blobs: 4 })
    await target.setHandle('alice.test', alice.did)
    env = { PDS_SOURCE_PASSWORD: alice.password, PDS_TARGET_PASSWORD: TARGET_PASSWORD }
    code = async () => {
      await alice.agent.com.atproto.identity.requestPlcOperationSignature()
      return { PDS_PLC_TOKEN: await source.plcToken(alice.did) }
    }
  })
  afterAll(() => source?.close())

  it('begins with a recovery key, which the source signs for a mailed code and we submit', async () => {
    await done(['recovery-key', 'create', 'key.json', '--curve', 'p256'], env)
    const added = await done(
      ['recovery-key', 'add', 'key.json', '--from', source.url, '--identifier', 'alice.test', '--yes'],
      { ...env, ...(await code()) },
    )
    const { rotationKeys } = await readIdentity(plc.url, alice.did)
    expect(added).toMatchObject({ ok: true, already: false, rotationKeys })
    expect(rotationKeys[0]).toMatch(/^did:key:zDn/)
  })

  it('has the reference submit an operation as well as we do: it refuses none that keeps its key', async () => {
    const { identity } = alice.agent.com.atproto
    const { PDS_PLC_TOKEN: token } = await code()
    const before = await readIdentity(plc.url, alice.did)
    const { data } = await identity.signPlcOperation({
      token,
      alsoKnownAs: [...before.alsoKnownAs, 'https://alice.example.com'],
    })
    await identity.submitPlcOperation({ operation: data.operation })
    expect((await readIdentity(plc.url, alice.did)).alsoKnownAs).toContain('https://alice.example.com')
  })

  it('is undone by the operation that was signed before, with what was written since', async () => {
    const { did } = alice
    const before = [...(await readRepo(source.url, did)).records.keys()]
    await done(['undo-op', 'undo.json', '--recovery-key', 'key.json', '--identifier', did], env)
    await done(
      [
        ...['move', '--from', source.url, '--identifier', 'alice.test', '--to', target.url],
        ...['--email', 'alice@mail.example', '--yes'],
      ],
      { ...env, ...(await code()) },
    )
    expect((await readIdentity(plc.url, did)).services['atproto_pds']?.endpoint).toBe(target.url)
    expect(await done(['undo-op', 'undo.json', '--check'], env)).toMatchObject({ state: 'ready' })
    const added = await live(did)

    const report = await done(['undo', '--undo-op', 'undo.json', '--yes'], env)
    expect(report).toMatchObject({
      ok: true,
      returned: source.url,
      written: 31,
      failed: [],
      deactivated: true,
    })
    await expectBack(did, source.url, before, added)
    // The owner goes on at home.
    await alice.agent.login({ identifier: did, password: alice.password })
    await alice.agent.com.atproto.repo.createRecord({
      repo: did,
      collection: COLLECTION,
      record: { $type: COLLECTION, text: 'home again', createdAt: new Date().toISOString() },
    })
    expect(await done(['undo', '--undo-op', 'undo.json', '--yes'], env)).toMatchObject({
      ok: true,
      written: 0,
    })
    expect(await done(['undo-op', 'undo.json', '--check'], env).catch(() => 'worthless')).toBe('worthless')
  })
})

describe('a move from a Cirrus to a reference PDS', () => {
  it('is undone by the recovery key, and the account is home again, with a revision above the target’s', async () => {
    const cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'bob.test', recoveryKeys: [] })
    try {
      const { did } = cirrus
      await target.setHandle('bob.test', did)
      await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 30, blobs: 3 })
      await writeFile(
        join(cwd, 'wrangler.toml'),
        `[vars]\nHOSTNAME = "localhost:${cirrus.port}"\nDID = "${did}"\nHANDLE = "bob.test"\nPLC_DIRECTORY_URL = "${plc.url}"\n`,
      )
      const env = {
        ADMIN_PASSWORD: cirrus.adminPassword,
        PDS_PASSWORD: cirrus.password,
        PDS_TARGET_PASSWORD: TARGET_PASSWORD,
      }
      const before = [...(await readRepo(cirrus.url, did)).records.keys()]
      await done(['recovery-key', 'create', 'bob-key.json'], env)
      await done(['recovery-key', 'add', 'bob-key.json', '--yes'], env)
      await done(['move', '--to', target.url, '--email', 'bob@mail.example', '--yes'], env)
      const added = await live(did)
      const there = await readRepo(target.url, did)

      const report = await done(['undo', '--recovery-key', 'bob-key.json', '--yes'], env)
      expect(report).toMatchObject({ ok: true, returned: cirrus.url, written: 31, deactivated: true })
      await expectBack(did, cirrus.url, before, added)
      const back = await readRepo(cirrus.url, did)
      expect(back.rev > there.rev).toBe(true)
    } finally {
      await cirrus.close()
    }
  })
})
