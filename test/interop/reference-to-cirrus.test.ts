// Moving in: the reference PDS to a Cirrus that was set up for the account's DID, like goat.
import { AtpAgent } from '@atproto/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { newKey } from '../../dev/account.ts'
import { startCirrus, type Cirrus } from '../../dev/cirrus.ts'
import { ownerOf, problems, startStage, status, type Stage } from './support/cirrus.ts'
import { begin, moveLikeGoat, signIn, type GoatMove, type Moved } from './support/goat.ts'
import { seed, type Seeded } from './support/seed.ts'
import type { ReferenceAccount } from './support/reference.ts'
import { readIdentity, readRepo, wrongBlobs, type RepoState } from './support/verify.ts'

describe('the reference PDS to Cirrus, like goat', () => {
  let stage: Stage
  let alice: ReferenceAccount
  let cirrus: Cirrus
  let recovery: string
  let seeded: Seeded
  let before: RepoState
  let move: GoatMove
  let moved: Moved

  beforeAll(async () => {
    stage = await startStage()
    const { plc, reference } = stage
    alice = await reference.createAccount({ handle: 'alice.test' })
    seeded = await seed(alice.agent, { records: 250, blobs: 12 })
    before = await readRepo(reference.url, alice.did)
    recovery = (await newKey()).did
    const { did, handle } = alice
    cirrus = await startCirrus({ plcUrl: plc.url, did, handle, recoveryKeys: [recovery] })
    move = {
      source: { url: reference.url, identifier: handle, password: alice.password },
      // The password was set by `pds init`.
      target: { url: cirrus.url, handle, email: 'alice@example.com', password: cirrus.password },
      plcToken: (account) => reference.plcToken(account),
      uploadType: '*/*',
    }
    expect((await status(cirrus)).next).toContain(`pds import --from ${reference.url}`)
    moved = await moveLikeGoat(move)
  })
  afterAll(async () => {
    await cirrus?.close()
    await stage?.[Symbol.asyncDispose]()
  })

  it('copies every record, under the same root', async () => {
    const after = await readRepo(cirrus.url, alice.did)
    expect(after.data).toBe(before.data)
    expect(after.records).toEqual(before.records)
    expect(after.records.size).toBe(250)
  })

  it('copies every blob, byte for byte and with its type, although goat does not say it', async () => {
    expect(await wrongBlobs(cirrus.url, alice.did, seeded)).toEqual([])
    const { data: missing } = await moved.target.com.atproto.repo.listMissingBlobs()
    expect(missing.blobs).toEqual([])
  })

  it('copies the preferences', async () => {
    const { data } = await moved.target.app.bsky.actor.getPreferences()
    expect(data.preferences).toEqual([{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }])
  })

  it('leaves the DID with Cirrus, under the recovery key and the key of Cirrus', async () => {
    const identity = await readIdentity(stage.plc.url, alice.did)
    expect(identity).toMatchObject({ pds: cirrus.url, alsoKnownAs: ['at://alice.test'] })
    expect(identity.rotationKeys[0]).toBe(recovery)
    expect(identity.rotationKeys).toContain(identity.signingKey)
    const { data: account } = await moved.target.com.atproto.server.checkAccountStatus()
    expect(account).toMatchObject({
      activated: true,
      validDid: true,
      indexedRecords: 250,
      expectedBlobs: 12,
      importedBlobs: 12,
    })
    const { data: old } = await moved.source.com.atproto.server.checkAccountStatus()
    expect(old).toMatchObject({ activated: false, validDid: false })
  })

  it('serves the repository under a commit of its own key at once, with a later revision', async () => {
    const { signingKey = '' } = await readIdentity(stage.plc.url, alice.did)
    const after = await readRepo(cirrus.url, alice.did, { signingKey })
    expect(after.rev > before.rev).toBe(true)
    const agent = await signIn({ url: cirrus.url, identifier: 'alice.test', password: cirrus.password })
    await agent.post({ text: 'hello from Cirrus' })
    const later = await readRepo(cirrus.url, alice.did, { signingKey })
    expect(later.rev > after.rev).toBe(true)
    expect(later.records.size).toBe(251)
  })

  it('finds nothing wrong, and nothing left to do', async () => {
    expect(await problems(cirrus)).toEqual([])
    expect(await status(cirrus)).toMatchObject({
      state: 'active',
      identity: { movedAway: false },
      blobs: { expected: 12, stored: 12 },
      next: expect.stringContaining('All is well'),
    })
  })

  it('refuses to create the account a second time', async () => {
    const { source, target } = move
    // The old host still signs with a key that the DID no longer names.
    await expect(begin({ source, target })).rejects.toThrow(/signature does not verify/)
    const own = { url: cirrus.url, identifier: cirrus.handle, password: cirrus.password }
    await expect(begin({ source: own, target })).rejects.toThrow(/account of .* here already/)
  })

  it('keeps the account over a crash', async () => {
    const had = await readRepo(cirrus.url, alice.did)
    await cirrus.kill()
    await cirrus.restart()
    expect((await readRepo(cirrus.url, alice.did)).commit).toBe(had.commit)
    expect(await problems(cirrus)).toEqual([])
    const owner = await ownerOf(cirrus)
    await owner.post({ text: 'still here' })
  })
})

describe('a reference PDS that asks for the account on Cirrus itself', () => {
  it('is refused without the account password; the owner gets in, also after a lost answer', async () => {
    await using stage = await startStage()
    const { agent, did, handle } = await stage.reference.createAccount({ handle: 'alice.test' })
    await using cirrus = await startCirrus({ plcUrl: stage.plc.url, did, handle })
    const target = new AtpAgent({ service: cirrus.url })
    const lxm = 'com.atproto.server.createAccount'
    const tokenFor = async () =>
      (await agent.com.atproto.server.getServiceAuth({ aud: cirrus.serviceDid, lxm })).data.token
    const create = async (token: string, password?: string) =>
      (
        await target.com.atproto.server.createAccount(
          { did, handle, ...(password !== undefined && { password }) },
          { headers: { authorization: `Bearer ${token}` }, encoding: 'application/json' },
        )
      ).data
    const refused = { error: 'InvalidPassword' }
    const forged = await tokenFor()
    await expect(create(forged)).rejects.toMatchObject(refused)
    await expect(create(forged, 'a guess')).rejects.toMatchObject(refused)
    expect(await status(cirrus)).toMatchObject({ state: 'absent' })

    const token = await tokenFor()
    await create(token, cirrus.password)
    expect(await create(token, cirrus.password)).toMatchObject({ did, handle })
    for (const copy of [token, forged]) await expect(create(copy)).rejects.toMatchObject(refused)
  })
})
