// A did:web account: everything is copied as usual, and its owner edits a file instead of having an operation signed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { activate } from '../../dev/account.ts'
import { startCirrus, type Cirrus } from '../../dev/cirrus.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { startPlc, type PlcDirectory } from '../support/plc.ts'
import { member, pds } from '../cli/support.ts'
import {
  admin,
  claims,
  command,
  mint,
  ownerAuth,
  refusal,
  startStage,
  status,
  type Stage,
} from './support/cirrus.ts'
import * as mover from './support/token.ts'
import { bearer, procedure, query, signCredentials } from './support/token.ts'
import { readRepo } from './support/verify.ts'

describe('a did:web account', () => {
  let plc: PlcDirectory
  let cirrus: Cirrus

  beforeAll(async () => {
    plc = await startPlc()
    cirrus = await startCirrus({ plcUrl: plc.url, handle: 'alice.test' })
    await activate(cirrus)
    await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 10, blobs: 1 })
  })
  afterAll(async () => {
    await cirrus?.close()
    await plc?.close()
  })

  it('gets a token that can read and cannot sign', async () => {
    const token = await mint(cirrus)
    expect(claims(token)['plc']).toBeUndefined()
    expect(String(claims(token)['scope'])).not.toContain('plc:sign')
    expect((await readRepo(cirrus.url, cirrus.did, { token })).records.size).toBe(10)
    const refused = await refusal(mint(cirrus, { scope: ['plc:sign'] }))
    expect(refused.error).toBe('InvalidScope')
    expect(refused.message).toContain('did.json')
  })

  it('is told by every method what to change in its did.json', async () => {
    const owner = await ownerAuth(cirrus)
    const services = { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'http://localhost:9' } }
    const token = await mint(cirrus)
    const refused = await refusal(
      signCredentials({ sourceUrl: cirrus.url, source: owner }, token, { services }),
    )
    expect(refused).toMatchObject({ status: 400, error: 'InvalidRequest' })
    expect(refused.message).toContain('did.json')
    expect(refused.message).toContain('#atproto_pds')
    const submitted = procedure(cirrus.url, 'com.atproto.identity.submitPlcOperation', owner, {
      operation: {},
    })
    expect((await refusal(submitted)).message).toContain('did.json')
  })

  it('asks no PLC directory for anything', async () => {
    await status(cirrus)
    expect(plc.requests).toEqual([])
  })

  it('serves its own document, and says that all is well', async () => {
    const document: unknown = await (await fetch(`${cirrus.url}/.well-known/did.json`)).json()
    expect(document).toMatchObject({ id: cirrus.did, alsoKnownAs: ['at://alice.test'] })
    expect(await status(cirrus)).toMatchObject({ state: 'active', identity: { pds: cirrus.url } })
    const token = bearer(await mint(cirrus))
    expect(
      await query(cirrus.url, 'com.atproto.sync.getLatestCommit', token, { did: cirrus.did }),
    ).toHaveProperty('rev')
  })
})

describe('a did:web account that leaves for the reference PDS', () => {
  let stage: Stage
  let cirrus: Cirrus

  beforeAll(async () => {
    stage = await startStage()
    cirrus = await startCirrus({ plcUrl: stage.plc.url, handle: 'alice.test' })
    await activate(cirrus)
    await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 30, blobs: 3 })
  })
  afterAll(async () => {
    await cirrus?.close()
    await stage?.[Symbol.asyncDispose]()
  })

  const run = (args: string[], { password = 'target password' } = {}) =>
    // The reference makes a name lower-case, and `%3A` in a DID with it.
    pds(['did-web-move', ...args, '--host', cirrus.url, '--identifier', 'alice.test'], {
      env: {
        ADMIN_PASSWORD: cirrus.adminPassword,
        ADMIN_PASSWORD_HOST: cirrus.url,
        PDS_TARGET_PASSWORD: password,
      },
    })
  const served = async () => (await fetch(`${cirrus.url}/.well-known/did.json`)).json() as Promise<unknown>

  it('is at the reference once its old host serves the document that names it, and comes back', async () => {
    const { reference } = stage
    const { did } = cirrus
    const target = { url: reference.url, did: reference.did }
    // Nothing is there yet: the document would lead nowhere.
    const early = await run(['--to', reference.url, '--json', '--confirm-handle', 'alice.test'])
    expect(member(early.json, 'error', 'code')).toBe('copy-incomplete')
    const moving = await mover.beginWithToken({
      sourceUrl: cirrus.url,
      token: await mint(cirrus, { target }),
      did,
      target: {
        url: reference.url,
        handle: 'alice.test',
        email: 'a@example.com',
        password: 'target password',
      },
    })
    await mover.copyRepo(moving)
    await mover.copyMissingBlobs(moving)
    await mover.copyPreferences(moving)
    await expect(mover.activate(moving)).rejects.toThrow()

    const before = await served()
    const asked = await run(['--to', reference.url])
    expect(asked.code).not.toBe(0)
    expect(await served()).toEqual(before)
    const refused = await run(['--to', reference.url, '--json'], { password: 'wrong' })
    expect(member(refused.json, 'error', 'code')).toBe('sign-in-needed')
    const wrong = await run(['--to', reference.url, '--confirm-handle', 'bob.test'])
    expect(wrong.code).not.toBe(0)
    expect(wrong.stderr).toContain('There is no undo and no 72 hours')
    expect(await served()).toEqual(before)

    const moved = await run(['--to', reference.url, '--confirm-handle', 'alice.test'])
    expect(moved.stderr).toContain(`-       "serviceEndpoint": "${cirrus.url}"`)
    expect(moved.stderr).toContain(`+       "serviceEndpoint": "${reference.url}"`)
    expect(moved).toMatchObject({ code: 0, stdout: expect.stringContaining(`names ${reference.url}`) })
    const after = { service: [{ serviceEndpoint: reference.url }] }
    await expect.poll(served, { timeout: 5000 }).toMatchObject(after)
    const again = await run(['--to', reference.url, '--confirm-handle', 'alice.test', '--json'])
    expect(again).toMatchObject({ code: 0, json: { already: true } })

    await mover.activate(moving)
    const here = await readRepo(cirrus.url, did, { token: await mint(cirrus) })
    const there = await readRepo(reference.url, did)
    expect([...there.records].toSorted()).toEqual([...here.records].toSorted())
    expect(await status(cirrus)).toMatchObject({ state: 'moved', identity: { pds: reference.url } })
    await admin(cirrus, 'com.atproto.server.deactivateAccount', {})

    // What the old host goes on answering.
    expect(await served()).toMatchObject({ id: did, ...after })
    expect(await query(cirrus.url, 'com.atproto.server.describeServer')).toMatchObject({ did })
    expect(await query(cirrus.url, 'com.atproto.sync.getRepoStatus', undefined, { did })).toMatchObject({
      active: false,
    })
    expect((await fetch(`${cirrus.url}/xrpc/_health`)).ok).toBe(true)

    const back = await run(['--back', '--confirm-handle', 'alice.test', '--json'])
    expect(back).toMatchObject({ code: 0, json: { pds: cirrus.url } })
    // The Worker knows it within a second.
    await expect.poll(served, { timeout: 5000 }).toEqual(before)
    await command(cirrus, 'com.atproto.server.activateAccount')
    expect(await status(cirrus)).toMatchObject({ state: 'active', identity: { pds: cirrus.url } })
  })
})
