// The harness itself: two reference servers and one directory, and what goat does between them. If a flow with Cirrus
// fails and this one passes, the fault is in Cirrus.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startPlc, type PlcDirectory } from '../support/plc.ts'
import { moveLikeGoat, signIn, type Moved } from './support/goat.ts'
import { startReference, type Reference, type ReferenceAccount } from './support/reference.ts'
import { seed, type Seeded } from './support/seed.ts'
import { readIdentity, readRepo, wrongBlobs, type RepoState } from './support/verify.ts'

describe('the reference PDS to another reference PDS, like goat', () => {
  let plc: PlcDirectory
  let source: Reference
  let target: Reference
  let alice: ReferenceAccount
  let seeded: Seeded
  let before: RepoState
  let moved: Moved

  beforeAll(async () => {
    plc = await startPlc()
    ;[source, target] = await Promise.all([
      startReference({ plcUrl: plc.url }),
      startReference({ plcUrl: plc.url }),
    ])
    alice = await source.createAccount({ handle: 'alice.test' })
    seeded = await seed(alice.agent, { records: 50, blobs: 10 })
    before = await readRepo(source.url, alice.did)
    moved = await moveLikeGoat({
      source: { url: source.url, identifier: alice.handle, password: alice.password },
      target: { url: target.url, handle: alice.handle, email: 'alice@example.com', password: 'new password' },
      plcToken: (did) => source.plcToken(did),
    })
  })
  afterAll(async () => {
    await Promise.all([source?.close(), target?.close()])
    await plc?.close()
  })

  it('copies every record, under the same root', async () => {
    const after = await readRepo(target.url, alice.did)
    expect(after.data).toBe(before.data)
    expect(after.records).toEqual(before.records)
    expect(after.records.size).toBe(50)
  })

  it('copies every blob, byte for byte and with its type', async () => {
    expect(await wrongBlobs(target.url, alice.did, seeded)).toEqual([])
    expect([...moved.blobs.cids].sort()).toEqual(seeded.blobs.map(({ cid }) => cid).sort())
    const { data: missing } = await moved.target.com.atproto.repo.listMissingBlobs()
    expect(missing.blobs).toEqual([])
  })

  it('copies the preferences', async () => {
    const { data } = await moved.target.app.bsky.actor.getPreferences()
    expect(data.preferences).toEqual([{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }])
  })

  it('makes the DID name the target', async () => {
    const identity = await readIdentity(plc.url, alice.did)
    expect(identity).toMatchObject({ pds: target.url, alsoKnownAs: ['at://alice.test'] })
    const { data: status } = await moved.target.com.atproto.server.checkAccountStatus()
    expect(status).toMatchObject({
      activated: true,
      validDid: true,
      indexedRecords: 50,
      expectedBlobs: 10,
      importedBlobs: 10,
    })
  })

  it('leaves the source deactivated, and the source says so', async () => {
    const { data: status } = await moved.source.com.atproto.server.checkAccountStatus()
    expect(status).toMatchObject({ activated: false, validDid: false })
    const { data: repo } = await moved.source.com.atproto.sync.getRepoStatus({ did: alice.did })
    expect(repo).toMatchObject({ active: false, status: 'deactivated' })
    await expect(readRepo(source.url, alice.did)).rejects.toThrow('RepoDeactivated')
  })

  it('lets the account write on the target, with a later revision and the new key', async () => {
    const agent = await signIn({ url: target.url, identifier: alice.handle, password: 'new password' })
    await agent.post({ text: 'hello from the other side' })
    const { signingKey } = await readIdentity(plc.url, alice.did)
    const after = await readRepo(target.url, alice.did, { signingKey })
    expect(after.rev > before.rev).toBe(true)
    expect(after.records.size).toBe(51)
  })

  it('can say how much memory it took', async () => {
    const { rss, peakRss } = await target.memory()
    expect(peakRss).toBeGreaterThanOrEqual(rss)
    expect(rss).toBeGreaterThan(50 * 2 ** 20)
  })
})
