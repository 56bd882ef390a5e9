// Each row of "When the move fails": a move can be finished or reversed at any point of failure, and nothing is lost.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { pds } from '../../demo/pds.ts'
import {
  command,
  expired,
  mint,
  moveTo,
  ownerAuth,
  problems,
  refusal,
  startScene,
  startStage,
  status,
  write,
  type Scene,
  type Stage,
} from './support/cirrus.ts'
import {
  activate,
  basic,
  bearer,
  beginWithToken,
  call,
  copyMissingBlobs,
  copyPreferences,
  copyRepo,
  deactivate,
  procedure,
  query,
  signOperation,
  submitOperation,
} from './support/token.ts'
import { readIdentity, readRepo, wrongBlobs } from './support/verify.ts'

let stage: Stage
let scene: Scene
let next = 0

beforeAll(async () => {
  stage = await startStage()
})
afterAll(() => stage?.[Symbol.asyncDispose]())
beforeEach(async () => {
  scene = await startScene(stage, { handle: `alice-${next++}.test`, records: 40, blobs: 6 })
})
afterEach(async () => {
  stage.plc.recover()
  await scene?.[Symbol.asyncDispose]()
})

/** Expects that everything is on the target, that the DID names it, and that the source is deactivated. */
async function expectMoved() {
  const { cirrus, reference, did, before, seeded } = scene
  const after = await readRepo(reference.url, did)
  expect(after.data).toBe(before.data)
  expect(await wrongBlobs(reference.url, did, seeded)).toEqual([])
  expect(await readIdentity(stage.plc.url, did)).toMatchObject({ pds: reference.url })
  expect(await status(cirrus)).toMatchObject({
    state: 'deactivated',
    unsubmitted: [],
    next: expect.stringContaining('The move is done'),
  })
}

/** Expects that the account works on Cirrus as if no move had been tried. */
async function expectHere() {
  const { cirrus, did, before, seeded } = scene
  const { url } = cirrus
  expect((await readRepo(url, did)).data).toBe(before.data)
  expect(await wrongBlobs(url, did, seeded)).toEqual([])
  await write(url, did, await ownerAuth(cirrus))
  expect(await readIdentity(stage.plc.url, did)).toMatchObject({ pds: url })
  expect(await problems(cirrus)).toEqual([])
}

const finish = async (moving: Parameters<typeof activate>[0]) => {
  await activate(moving)
  await deactivate(moving, basic(scene.cirrus.adminPassword))
}

describe('the token expires in the middle', () => {
  it('goes on with another, and repeats nothing', async () => {
    const { cirrus, reference } = scene
    const first = await mint(cirrus, { target: reference })
    const moving = await beginWithToken(moveTo(scene, first))
    await copyRepo(moving)
    const [some] = scene.seeded.blobs
    const blob = await call(cirrus.url, 'com.atproto.sync.getBlob', moving.source, {
      params: { did: scene.did, cid: some?.cid ?? '' },
    })
    await call(reference.url, 'com.atproto.repo.uploadBlob', moving.target, {
      body: new Uint8Array(await blob.arrayBuffer()),
      type: 'image/png',
    })

    const late = { ...moving, source: bearer(await expired(cirrus, first)) }
    expect(await refusal(copyMissingBlobs(late))).toMatchObject({ status: 400, error: 'ExpiredToken' })

    const second = await mint(cirrus, { target: reference })
    const onward = { ...moving, source: bearer(second) }
    const copied = await copyMissingBlobs(onward)
    expect(copied).toHaveLength(scene.seeded.blobs.length - 1)
    expect(copied).not.toContain(some?.cid)
    await copyPreferences(onward)
    await submitOperation(onward, await signOperation(onward, second))
    await finish(onward)
    await expectMoved()
  })
})

describe('the repository is copied, and the PLC step fails', () => {
  it('signs nothing while the directory is down, goes on serving, and takes the step again', async () => {
    const { cirrus, reference, did } = scene
    const token = await mint(cirrus, { target: reference })
    const moving = await beginWithToken(moveTo(scene, token))
    await copyRepo(moving)
    await copyMissingBlobs(moving)
    await copyPreferences(moving)

    stage.plc.fail({ status: 503 })
    const down = await refusal(signOperation(moving, token))
    expect(down).toMatchObject({ status: 502, error: 'UpstreamFailure' })
    expect(down.message).toContain('try again')
    expect(await status(cirrus)).toMatchObject({
      state: 'active',
      next: expect.stringContaining('pds status'),
    })
    // Neither readers nor writers notice anything.
    expect((await readRepo(cirrus.url, did)).data).toBe(scene.before.data)
    await query(cirrus.url, 'com.atproto.repo.describeRepo', undefined, { repo: did })
    await ownerAuth(cirrus)

    stage.plc.recover()
    expect(await readIdentity(stage.plc.url, did)).toMatchObject({ pds: cirrus.url })
    await submitOperation(moving, await signOperation(moving, token))
    await finish(moving)
    await expectMoved()
  })

  it('gives the same operation again when the first did not reach the directory', async () => {
    const { cirrus, reference } = scene
    const token = await mint(cirrus, { target: reference })
    const moving = await beginWithToken(moveTo(scene, token))
    await copyRepo(moving)
    await copyMissingBlobs(moving)
    const operation = await signOperation(moving, token)

    stage.plc.fail({ status: 500, only: (method) => method === 'POST' })
    await refusal(submitOperation(moving, operation))
    expect(await status(cirrus)).toMatchObject({
      state: 'active',
      unsubmitted: [{ pds: reference.url }],
      next: expect.stringContaining("repeat the new PDS's PLC step"),
    })
    await cirrus.kill()
    await cirrus.restart()

    stage.plc.recover()
    const again = await signOperation(moving, token)
    expect(again).toEqual(operation)
    await submitOperation(moving, again)
    await finish(moving)
    await expectMoved()
  })
})

describe('the PLC step is done, and the source not yet deactivated', () => {
  it('notices that the DID moved, signs nothing else, and still serves the owner and the token', async () => {
    const { cirrus, reference, did, before } = scene
    const token = await mint(cirrus, { target: reference })
    const moving = await beginWithToken(moveTo(scene, token))
    await copyRepo(moving)
    const operation = await signOperation(moving, token)
    await submitOperation(moving, operation)

    const now = await status(cirrus)
    expect(now).toMatchObject({
      state: 'moved',
      active: false,
      identity: { movedAway: true, pds: reference.url },
      unsubmitted: [],
      next: expect.stringContaining('pds deactivate'),
    })
    // The answer that was lost can be asked for again; nothing new is signed.
    expect(await signOperation(moving, token)).toEqual(operation)
    const asked = await refusal(mint(cirrus, { target: reference, scope: ['plc:sign'] }))
    expect(asked.error).toBe('InvalidScope')
    const pasted = await refusal(
      procedure(cirrus.url, 'com.atproto.identity.signPlcOperation', await ownerAuth(cirrus), {
        token,
        alsoKnownAs: ['at://mallory.test'],
      }),
    )
    expect(pasted.status).toBe(400)
    expect((await refusal(write(cirrus.url, did, await ownerAuth(cirrus)))).status).toBe(403)

    const byOwner = (await ownerAuth(cirrus)).slice('Bearer '.length)
    expect((await readRepo(cirrus.url, did, { token: byOwner })).commit).toBe(before.commit)
    expect((await readRepo(cirrus.url, did, { token })).commit).toBe(before.commit)
    expect(await copyMissingBlobs(moving)).toHaveLength(scene.seeded.blobs.length)
    await copyPreferences(moving)
    await finish(moving)
    await expectMoved()
  })

  it('lets a token that may deactivate do so now, and not before', async () => {
    const { cirrus, reference } = scene
    const scope = ['repo:read', 'blob:read', 'preferences:read', 'account:create', 'plc:sign']
    const token = await mint(cirrus, { target: reference, scope: [...scope, 'account:deactivate'] })
    const moving = await beginWithToken(moveTo(scene, token))
    await copyRepo(moving)
    await copyMissingBlobs(moving)
    expect(await refusal(deactivate(moving, bearer(token)))).toMatchObject({
      status: 403,
      error: 'Forbidden',
    })
    await submitOperation(moving, await signOperation(moving, token))
    await activate(moving)
    await deactivate(moving, bearer(token))
    await expectMoved()
  })
})

describe('the target lost blobs, and the source is deactivated', () => {
  it.each(['the token', 'the owner'] as const)('lets %s read the missing ones', async (who) => {
    const { cirrus, reference, did, seeded } = scene
    const token = await mint(cirrus, { target: reference })
    const moving = await beginWithToken(moveTo(scene, token))
    await copyRepo(moving)
    await submitOperation(moving, await signOperation(moving, token))
    await finish(moving)
    expect(await wrongBlobs(reference.url, did, seeded)).toHaveLength(seeded.blobs.length)
    const [some] = seeded.blobs
    const anonymous = await refusal(
      call(cirrus.url, 'com.atproto.sync.getBlob', undefined, { params: { did, cid: some?.cid ?? '' } }),
    )
    expect(anonymous).toMatchObject({ status: 400, error: 'RepoDeactivated' })

    const source = who === 'the owner' ? await ownerAuth(cirrus) : bearer(await mint(cirrus))
    expect(await copyMissingBlobs({ ...moving, source })).toHaveLength(seeded.blobs.length)
    await expectMoved()
  })
})

describe('the owner turns back before the PLC step', () => {
  it('loses nothing, and no signed operation can surprise anyone later', async () => {
    const { cirrus, reference, did } = scene
    const token = await mint(cirrus, { target: reference })
    const moving = await beginWithToken(moveTo(scene, token))
    await copyRepo(moving)
    await copyMissingBlobs(moving)
    const operation = await signOperation(moving, token)
    expect((await status(cirrus)).next).toContain('pds identity --void')

    await deactivate({ ...moving, sourceUrl: reference.url }, moving.target)
    await pds(cirrus, 'identity', '--void', '--yes')
    await refusal(submitOperation(moving, operation))

    await expectHere()
    expect(await status(cirrus)).toMatchObject({
      state: 'active',
      unsubmitted: [],
      next: expect.stringContaining('All is well'),
    })
    // And it can leave later: the account on the target still exists and can be filled.
    const second = await mint(cirrus, { target: reference })
    const again = { ...moving, source: bearer(second) }
    await copyRepo(again)
    await submitOperation(again, await signOperation(again, second))
    await finish(again)
    expect(await readIdentity(stage.plc.url, did)).toMatchObject({ pds: reference.url })
  })

  it('can be activated again even if it was deactivated too early', async () => {
    const { cirrus, reference, did } = scene
    const token = await mint(cirrus, { target: reference })
    const moving = await beginWithToken(moveTo(scene, token))
    await copyRepo(moving)
    await signOperation(moving, token)
    await deactivate(moving, basic(cirrus.adminPassword))
    expect(await status(cirrus)).toMatchObject({
      state: 'deactivated',
      unsubmitted: [{ pds: reference.url }],
      next: expect.stringContaining('Half-way'),
    })
    await command(cirrus, 'com.cirrus.admin.voidPlcOperation')
    await command(cirrus, 'com.atproto.server.activateAccount')
    await expectHere()
    expect(await query(cirrus.url, 'com.atproto.sync.getRepoStatus', undefined, { did })).toMatchObject({
      active: true,
    })
  })
})

describe('both are half-way and unclear', () => {
  it('prints what is where, and the one next command, at every point of the move', async () => {
    const { cirrus, reference } = scene
    const said: string[] = []
    const look = async () => {
      const text = await pds(cirrus, 'status', '--json')
      const shown: unknown = JSON.parse(text)
      const found = typeof shown === 'object' && shown !== null && 'next' in shown ? String(shown.next) : ''
      said.push(found)
      return found
    }
    expect(await look()).toContain('pds migrate-token')
    const token = await mint(cirrus, { target: reference })
    const moving = await beginWithToken(moveTo(scene, token))
    await copyRepo(moving)
    const operation = await signOperation(moving, token)
    expect(await look()).toContain(reference.url)

    await deactivate(moving, basic(cirrus.adminPassword))
    expect(await look()).toContain('Half-way')
    await submitOperation(moving, operation)
    expect(await look()).toContain('The move is done')
    // Nothing continues without the owner: the DID points elsewhere.
    const refused = await refusal(command(cirrus, 'com.atproto.server.activateAccount'))
    expect(refused.error).toBe('InvalidRequest')
    expect(refused.message).toContain(reference.url)
    for (const line of said) expect(line).toMatch(/`pds [a-z-]+/)

    await copyMissingBlobs({ ...moving, source: bearer(await mint(cirrus)) })
    await activate(moving)
    await expectMoved()
  })
})
