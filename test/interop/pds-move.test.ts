// `pds move`: our own command moves an account between two reference PDSes, from an empty folder, with nothing but a password.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { newKey } from '../../dev/account.ts'
import { moveFolder } from '../../src/cli/move/moveContext.ts'
import { member, pds, type RunOptions } from '../cli/support.ts'
import { type PlcDirectory, startPlc } from '../support/plc.ts'
import { signIn } from './support/goat.ts'
import { type Reference, type ReferenceAccount, startReference } from './support/reference.ts'
import { seed, type Seeded } from './support/seed.ts'
import { readIdentity, readRepo, type RepoState, wrongBlobs } from './support/verify.ts'

const RECORDS = 250
const BLOBS = 12
const NEW_PASSWORD = 'a new password'

describe('pds move between two reference PDSes', () => {
  let plc: PlcDirectory
  let source: Reference
  let target: Reference
  let alice: ReferenceAccount
  let seeded: Seeded
  let before: RepoState
  let cwd: string
  let recovery: string

  /** The owner's recovery key stands above that of the reference. */
  const addRecoveryKey = async () => {
    const { identity } = alice.agent.com.atproto
    const now = await readIdentity(plc.url, alice.did)
    await identity.requestPlcOperationSignature()
    const { data } = await identity.signPlcOperation({
      token: await source.plcToken(alice.did),
      rotationKeys: [recovery, ...now.rotationKeys],
    })
    const sent = await fetch(`${plc.url}/${alice.did}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(data.operation),
    })
    if (!sent.ok) throw new Error(await sent.text())
  }

  const run = (args: readonly string[], env: Record<string, string> = {}, options: RunOptions = {}) =>
    pds(['move', '--from', source.url, '--identifier', 'alice.test', '--to', target.url, ...args], {
      cwd,
      ...options,
      env: {
        PLC_DIRECTORY_URL: plc.url,
        PDS_SOURCE_PASSWORD: alice.password,
        PDS_TARGET_PASSWORD: NEW_PASSWORD,
        ...env,
      },
    })
  const events = (stdout: string): unknown[] =>
    stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line))

  beforeAll(async () => {
    plc = await startPlc()
    ;[source, target] = await Promise.all([
      startReference({ plcUrl: plc.url }),
      startReference({ plcUrl: plc.url }),
    ])
    alice = await source.createAccount({ handle: 'alice.test' })
    seeded = await seed(alice.agent, { records: RECORDS, blobs: BLOBS })
    before = await readRepo(source.url, alice.did)
    recovery = (await newKey()).did
    await addRecoveryKey()
    await target.setHandle('alice.test', alice.did)
    cwd = await mkdtemp(join(tmpdir(), 'pds-move-'))
  })
  afterAll(async () => {
    await Promise.all([source?.close(), target?.close()])
    await plc?.close()
    if (cwd) await rm(cwd, { recursive: true, force: true })
  })

  it('refuses an app password before anything is created', async () => {
    const { data } = await alice.agent.com.atproto.server.createAppPassword({ name: 'mover' })
    const ran = await run(['--yes', '--json'], { PDS_SOURCE_PASSWORD: data.password })
    expect([ran.code, member(events(ran.stdout).at(-1), 'error', 'code')], ran.stdout).toEqual([
      1,
      'app-password',
    ])
    await expect(readRepo(target.url, alice.did)).rejects.toThrow()
  })

  it('rehearses: the target has everything, inactive, and the DID is as before', async () => {
    const ran = await run(['--rehearse', '--yes', '--json', '--email', 'alice@example.com'])
    const report = member(events(ran.stdout).at(-1), 'report')
    expect(report, ran.stdout).toMatchObject({
      ok: true,
      rehearsal: true,
      records: RECORDS,
      blobs: BLOBS,
      activated: false,
    })
    expect(await readIdentity(plc.url, alice.did)).toMatchObject({ pds: source.url })
    await expect(readRepo(target.url, alice.did)).rejects.toThrow('RepoDeactivated')
  })

  it('moves the account with the code that the source mails, and what was written since', async () => {
    await alice.agent.post({ text: 'written after the rehearsal' })
    before = await readRepo(source.url, alice.did)
    // Without a terminal it has the code sent, and says how to give it. It has no second one sent.
    for (let i = 0; i < 2; i++)
      expect(member(events((await run(['--yes', '--json'])).stdout).at(-1), 'error')).toMatchObject({
        code: 'not-a-terminal',
        next: expect.stringContaining('PDS_PLC_TOKEN'),
      })
    const codes = [await source.plcToken(alice.did)]
    await run(['--yes', '--json'])
    codes.push(await source.plcToken(alice.did))
    expect(codes[1]).toBe(codes[0])
    const ran = await run(['--yes', '--json'], { PDS_PLC_TOKEN: codes[0] ?? '' })
    const report = member(events(ran.stdout).at(-1), 'report')
    expect(report, ran.stdout).toMatchObject({
      ok: true,
      missing: [],
      activated: true,
      sourceDeactivated: true,
    })

    const after = await readRepo(target.url, alice.did)
    expect(after.data).toBe(before.data)
    expect(after.records).toEqual(before.records)
    expect(after.records.size).toBe(RECORDS + 1)
    expect(await wrongBlobs(target.url, alice.did, seeded)).toEqual([])
    const identity = await readIdentity(plc.url, alice.did)
    expect(identity).toMatchObject({ pds: target.url, alsoKnownAs: ['at://alice.test'] })
    expect(identity.rotationKeys[0]).toBe(recovery)
    await expect(readRepo(source.url, alice.did)).rejects.toThrow('RepoDeactivated')
    const agent = await signIn({ url: target.url, identifier: 'alice.test', password: NEW_PASSWORD })
    expect((await agent.app.bsky.actor.getPreferences()).data.preferences).toEqual([
      { $type: 'app.bsky.actor.defs#adultContentPref', enabled: true },
    ])
    const { data: status } = await agent.com.atproto.server.checkAccountStatus()
    expect(status).toMatchObject({ activated: true, validDid: true, importedBlobs: BLOBS })
  })

  it('leaves a journal without a secret, and has nothing to do a second time', async () => {
    const journal = await readFile(join(moveFolder(cwd, target.url, alice.did), 'journal.jsonl'), 'utf8')
    for (const secret of [alice.password, NEW_PASSWORD]) expect(journal).not.toContain(secret)
    expect(journal).not.toMatch(/eyJ/)
    const ran = await run(['--yes', '--json'], { PDS_SOURCE_PASSWORD: '' })
    expect(member(events(ran.stdout).at(-1), 'report'), ran.stdout).toMatchObject({ ok: true, already: true })
  })
})
