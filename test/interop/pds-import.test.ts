// `pds import --from <reference PDS> --identifier`: our own command drives the move, with a password and the code of an e-mail.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { newKey } from '../../dev/account.ts'
import { startCirrus, type Cirrus } from '../../dev/cirrus.ts'
import { member, pds, type RunOptions } from '../cli/support.ts'
import { problems, startStage, status, type Stage } from './support/cirrus.ts'
import type { ReferenceAccount } from './support/reference.ts'
import { seed, type Seeded } from './support/seed.ts'
import { readIdentity, readRepo, wrongBlobs, type RepoState } from './support/verify.ts'

const RECORDS = 250
const BLOBS = 12
const LABELER = { atproto_labeler: { type: 'AtprotoLabeler', endpoint: 'https://label.example.com' } }

describe('pds import from the reference PDS', () => {
  let stage: Stage
  let alice: ReferenceAccount
  let cirrus: Cirrus
  let seeded: Seeded
  let before: RepoState
  let cwd: string
  let recovery: string
  let label: string
  /** The reference's own rotation key, which the owner's stands above. */
  let reference: string

  /** The DID gets a labeler, a second name and a recovery key of the owner. */
  const extendDid = async () => {
    const { plc, reference: pds } = stage
    const { identity } = alice.agent.com.atproto
    const now = await readIdentity(plc.url, alice.did)
    reference = now.rotationKeys[0] ?? ''
    await identity.requestPlcOperationSignature()
    const { data } = await identity.signPlcOperation({
      token: await pds.plcToken(alice.did),
      rotationKeys: [recovery, ...now.rotationKeys],
      alsoKnownAs: [...now.alsoKnownAs, 'https://alice.example.com'],
      verificationMethods: { ...now.verificationMethods, atproto_label: label },
      services: { ...now.services, ...LABELER },
    })
    const sent = await fetch(`${plc.url}/${alice.did}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(data.operation),
    })
    if (!sent.ok) throw new Error(await sent.text())
  }

  const run = (env: Record<string, string>, options: RunOptions = {}) =>
    pds(
      [
        ...['import', '--from', stage.reference.url, '--identifier', 'alice.test'],
        ...['--host', cirrus.url, '--yes', '--json'],
      ],
      {
        cwd,
        ...options,
        env: {
          ADMIN_PASSWORD: cirrus.adminPassword,
          ADMIN_PASSWORD_HOST: cirrus.url,
          PDS_PASSWORD: cirrus.password,
          ...env,
        },
      },
    )

  beforeAll(async () => {
    stage = await startStage()
    const { plc, reference } = stage
    alice = await reference.createAccount({ handle: 'alice.test' })
    seeded = await seed(alice.agent, { records: RECORDS, blobs: BLOBS })
    before = await readRepo(reference.url, alice.did)
    const { did, handle } = alice
    recovery = (await newKey()).did
    label = (await newKey()).did
    await extendDid()
    cirrus = await startCirrus({ plcUrl: plc.url, did, handle })
    cwd = await mkdtemp(join(tmpdir(), 'pds-import-'))
    const toml = `[vars]\nPLC_DIRECTORY_URL = "${plc.url}"\nRECOVERY_KEYS = "${recovery}"\n`
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
    const code = await run({
      PDS_SOURCE_PASSWORD: alice.password,
      PDS_PLC_TOKEN: 'AAAAA-BBBBB',
      PDS_PASSWORD: cirrus.password,
    })
    expect([code.code, member(code.json, 'error', 'code')]).toEqual([1, 'code-refused'])
    expect(await readIdentity(stage.plc.url, alice.did)).toMatchObject({ pds: stage.reference.url })
  })

  it('continues with the right code, and the account is complete on Cirrus', async () => {
    await alice.agent.com.atproto.identity.requestPlcOperationSignature()
    const moved = await run({
      PDS_SOURCE_PASSWORD: alice.password,
      PDS_PLC_TOKEN: await stage.reference.plcToken(alice.did),
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
    expect(member(moved.json, 'warnings')).toBeUndefined()
    expect(await status(cirrus)).toMatchObject({
      state: 'active',
      blobs: { expected: BLOBS, stored: BLOBS },
      next: expect.stringContaining('All is well'),
    })
  })

  it('leaves the DID with its labeler, its names and the owner’s key, and without the key of the source', async () => {
    const now = await readIdentity(stage.plc.url, alice.did)
    const { signingKey = '' } = now
    expect(now.rotationKeys).toEqual([recovery, signingKey])
    expect(now.rotationKeys).not.toContain(reference)
    expect(now.services).toMatchObject(LABELER)
    expect(now.verificationMethods).toEqual({ atproto: signingKey, atproto_label: label })
    expect(now.alsoKnownAs).toEqual(['at://alice.test', 'https://alice.example.com'])
  })
})
