// A did:web account: everything is copied as usual, and its owner edits a file instead of having an operation signed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { activate } from '../../dev/account.ts'
import { startCirrus, type Cirrus } from '../../dev/cirrus.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { startPlc, type PlcDirectory } from '../support/plc.ts'
import { claims, mint, ownerAuth, refusal, status } from './support/cirrus.ts'
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
