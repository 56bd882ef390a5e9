// Cirrus to the reference PDS the way that goat and the web tools do it: the account password, @atproto/api, and
// what `pds migrate-token` prints pasted where they ask for the token of the e-mail.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { pds } from '../../demo/pds.ts'
import { problems, startScene, startStage, status, type Scene, type Stage } from './support/cirrus.ts'
import { moveLikeGoat, signIn, type Moved } from './support/goat.ts'
import { readIdentity, readRepo, wrongBlobs } from './support/verify.ts'

describe('Cirrus to the reference PDS, like goat', () => {
  let stage: Stage
  let scene: Scene
  let moved: Moved

  beforeAll(async () => {
    stage = await startStage()
    // More blobs than a page of listBlobs holds.
    scene = await startScene(stage, { records: 300, blobs: 105 })
    const { cirrus, reference } = scene
    moved = await moveLikeGoat({
      source: { url: cirrus.url, identifier: cirrus.handle, password: cirrus.password },
      target: {
        url: reference.url,
        handle: cirrus.handle,
        email: 'alice@example.com',
        password: 'new password',
      },
      plcToken: () => pds(cirrus, 'migrate-token'),
    })
  })
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]()
    await stage?.[Symbol.asyncDispose]()
  })

  it('copies every record, under the same root', async () => {
    const after = await readRepo(scene.reference.url, scene.did)
    expect(after.data).toBe(scene.before.data)
    expect(after.records).toEqual(scene.seeded.records)
  })

  it('copies every blob, byte for byte and with its type', async () => {
    expect(await wrongBlobs(scene.reference.url, scene.did, scene.seeded)).toEqual([])
    expect([...moved.blobs.cids].sort()).toEqual(scene.seeded.blobs.map(({ cid }) => cid).sort())
    expect(moved.blobs.pages).toBeGreaterThan(1)
    const { data: missing } = await moved.target.com.atproto.repo.listMissingBlobs()
    expect(missing.blobs).toEqual([])
  })

  it('copies the preferences', async () => {
    const { data: had } = await moved.source.app.bsky.actor.getPreferences()
    const { data: kept } = await moved.target.app.bsky.actor.getPreferences()
    expect(had.preferences).toHaveLength(2)
    expect(kept).toEqual(had)
  })

  it('makes the DID name the target, and keeps the recovery key first', async () => {
    const identity = await readIdentity(stage.plc.url, scene.did)
    expect(identity).toMatchObject({ pds: scene.reference.url, alsoKnownAs: ['at://alice.test'] })
    expect(identity.rotationKeys[0]).toBe(scene.cirrus.account.recoveryKeys[0])
    const { data: account } = await moved.target.com.atproto.server.checkAccountStatus()
    expect(account).toMatchObject({ activated: true, validDid: true, expectedBlobs: 105, importedBlobs: 105 })
  })

  it('leaves the source deactivated, and the source says so', async () => {
    const { data: account } = await moved.source.com.atproto.server.checkAccountStatus()
    expect(account).toMatchObject({
      activated: false,
      validDid: false,
      indexedRecords: 300,
      expectedBlobs: 105,
      importedBlobs: 105,
    })
    const { data: repo } = await moved.source.com.atproto.sync.getRepoStatus({ did: scene.did })
    expect(repo).toEqual({ did: scene.did, active: false, status: 'deactivated' })
    await expect(readRepo(scene.cirrus.url, scene.did)).rejects.toThrow('RepoDeactivated')
    expect((await status(scene.cirrus)).next).toContain('The move is done')
    expect(await problems(scene.cirrus)).toEqual([])
  })

  it('lets a tool sign in on the source again, and does not send it to the target', async () => {
    const { cirrus } = scene
    const agent = await signIn({ url: cirrus.url, identifier: cirrus.handle, password: cirrus.password })
    expect(agent.dispatchUrl.origin).toBe(cirrus.url)
    const { data: session } = await agent.com.atproto.server.getSession()
    expect(session).toMatchObject({ did: scene.did, active: false, status: 'deactivated' })
    expect(session).not.toHaveProperty('didDoc')
    const { data: account } = await agent.com.atproto.server.checkAccountStatus()
    expect(account.activated).toBe(false)
    await expect(agent.post({ text: 'too late' })).rejects.toMatchObject({
      status: 403,
      error: 'AccountDeactivated',
    })
  })

  it('lets the account write on the target, with a later revision and the new key', async () => {
    const agent = await signIn({
      url: scene.reference.url,
      identifier: scene.cirrus.handle,
      password: 'new password',
    })
    await agent.post({ text: 'hello from the other side' })
    const { signingKey = '' } = await readIdentity(stage.plc.url, scene.did)
    const after = await readRepo(scene.reference.url, scene.did, { signingKey })
    expect(after.rev > scene.before.rev).toBe(true)
    expect(after.records.size).toBe(301)
  })
})
