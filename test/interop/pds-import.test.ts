// `pds import --from <reference PDS> --identifier`: our own command drives the move, with a password and the code of an e-mail.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startCirrus, type Cirrus } from '../../dev/cirrus.ts'
import { member, pds, type RunOptions } from '../cli/support.ts'
import { problems, startStage, status, type Stage } from './support/cirrus.ts'
import type { ReferenceAccount } from './support/reference.ts'
import { seed, type Seeded } from './support/seed.ts'
import { readIdentity, readRepo, wrongBlobs, type RepoState } from './support/verify.ts'

const RECORDS = 250
const BLOBS = 12

describe('pds import from the reference PDS', () => {
  let stage: Stage
  let alice: ReferenceAccount
  let cirrus: Cirrus
  let seeded: Seeded
  let before: RepoState
  let cwd: string

  const run = (env: Record<string, string>, options: RunOptions = {}) =>
    pds(
      [
        ...['import', '--from', stage.reference.url, '--identifier', 'alice.test'],
        ...['--host', cirrus.url, '--yes', '--json'],
      ],
      { cwd, ...options, env: { ADMIN_PASSWORD: cirrus.adminPassword, ...env } },
    )

  beforeAll(async () => {
    stage = await startStage()
    const { plc, reference } = stage
    alice = await reference.createAccount({ handle: 'alice.test' })
    seeded = await seed(alice.agent, { records: RECORDS, blobs: BLOBS })
    before = await readRepo(reference.url, alice.did)
    const { did, handle } = alice
    cirrus = await startCirrus({ plcUrl: plc.url, did, handle })
    cwd = await mkdtemp(join(tmpdir(), 'pds-import-'))
    const toml = `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\n`
    await writeFile(join(cwd, 'wrangler.toml'), toml)
  })
  afterAll(async () => {
    await cirrus?.close()
    await stage?.[Symbol.asyncDispose]()
    if (cwd) await rm(cwd, { recursive: true, force: true })
  })

  it('names the source when it refuses the password, and the code', async () => {
    const wrong = await run({ PDS_SOURCE_PASSWORD: 'wrong' })
    expect(member(wrong.json, 'error', 'code')).toBe('source-sign-in')
    expect(await status(cirrus)).toMatchObject({ state: 'absent' })
    const code = await run({ PDS_SOURCE_PASSWORD: alice.password, PDS_PLC_TOKEN: 'AAAAA-BBBBB' })
    expect([code.code, member(code.json, 'error', 'code')]).toEqual([1, 'code-refused'])
    expect(await readIdentity(stage.plc.url, alice.did)).toMatchObject({ pds: stage.reference.url })
  })

  it('goes on with the right code, and the account is ours, whole', async () => {
    await alice.agent.com.atproto.identity.requestPlcOperationSignature()
    const moved = await run({
      PDS_SOURCE_PASSWORD: alice.password,
      PDS_PLC_TOKEN: await stage.reference.plcToken(alice.did),
      PDS_PASSWORD: cirrus.password,
    })
    expect(moved.json, moved.stdout + moved.stderr).toMatchObject({
      ok: true,
      lost: [],
      sourceDeactivated: true,
    })
    const after = await readRepo(cirrus.url, alice.did)
    expect(after.data).toBe(before.data)
    expect(after.records).toEqual(before.records)
    expect(await wrongBlobs(cirrus.url, alice.did, seeded)).toEqual([])
    expect(await readIdentity(stage.plc.url, alice.did)).toMatchObject({ pds: cirrus.url })
    expect(await problems(cirrus)).toEqual([])
    expect(await status(cirrus)).toMatchObject({
      state: 'active',
      blobs: { expected: BLOBS, stored: BLOBS },
      next: expect.stringContaining('All is well'),
    })
  })
})
