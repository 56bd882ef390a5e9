// The token mover, tested with servers that do not know migration tokens: a session's access token is the Bearer instead,
// and the token of the e-mail signs. So a failure with Cirrus is not a fault of the mover.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startPlc, type PlcDirectory } from '../support/plc.ts'
import { startReference, type Reference, type ReferenceAccount } from './support/reference.ts'
import { seed, type Seeded } from './support/seed.ts'
import { bearer, copyMissingBlobs, moveWithToken, Refused, type TokenMoved } from './support/token.ts'
import { readIdentity, readRepo, wrongBlobs, type RepoState } from './support/verify.ts'

describe('the token mover, between two reference servers', () => {
  let plc: PlcDirectory
  let source: Reference
  let target: Reference
  let alice: ReferenceAccount
  let seeded: Seeded
  let before: RepoState
  let moved: TokenMoved

  beforeAll(async () => {
    plc = await startPlc()
    ;[source, target] = await Promise.all([
      startReference({ plcUrl: plc.url }),
      startReference({ plcUrl: plc.url }),
    ])
    alice = await source.createAccount({ handle: 'alice.test' })
    seeded = await seed(alice.agent, { records: 300, blobs: 12 })
    before = await readRepo(source.url, alice.did)
    await alice.agent.com.atproto.identity.requestPlcOperationSignature()
    const token = alice.agent.session?.accessJwt ?? ''
    moved = await moveWithToken({
      sourceUrl: source.url,
      token,
      plcToken: await source.plcToken(alice.did),
      did: alice.did,
      target: { url: target.url, handle: alice.handle, email: 'alice@example.com', password: 'new password' },
      deactivateWith: bearer(token),
    })
  })
  afterAll(async () => {
    await Promise.all([source?.close(), target?.close()])
    await plc?.close()
  })

  it('copies the same tree and every blob', async () => {
    const after = await readRepo(target.url, alice.did)
    expect(after.data).toBe(before.data)
    expect(after.records.size).toBe(300)
    expect([...moved.blobs].sort()).toEqual(seeded.blobs.map(({ cid }) => cid).sort())
    expect(await wrongBlobs(target.url, alice.did, seeded)).toEqual([])
  })

  it('leaves the DID with the target and the source deactivated', async () => {
    expect(await readIdentity(plc.url, alice.did)).toMatchObject({ pds: target.url })
    await expect(readRepo(source.url, alice.did)).rejects.toThrow('RepoDeactivated')
  })

  it('copies no blob twice', async () => {
    expect(await copyMissingBlobs(moved)).toEqual([])
  })

  it('throws what a server refuses by its name', async () => {
    const refusal = await moveWithToken({
      sourceUrl: source.url,
      token: 'nonsense',
      did: alice.did,
      target: { url: target.url, handle: 'bob.test', email: 'bob@example.com', password: 'x' },
    }).catch((cause: unknown) => cause)
    expect(refusal).toBeInstanceOf(Refused)
    expect(refusal).toMatchObject({
      method: 'com.atproto.server.getServiceAuth',
      status: 400,
      error: 'InvalidToken',
    })
  })
})
