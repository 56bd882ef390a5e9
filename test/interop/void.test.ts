// A signed operation does not expire while the head of the log stays the same: one that was signed and not sent can be
// made worthless.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { pds } from '../../demo/pds.ts'
import {
  mint,
  moveTo,
  ownerAuth,
  refusal,
  startScene,
  startStage,
  status,
  write,
  type Scene,
  type Stage,
} from './support/cirrus.ts'
import {
  beginWithToken,
  copyRepo,
  signOperation,
  submitOperation,
  type TokenMoving,
} from './support/token.ts'
import { readIdentity } from './support/verify.ts'

describe('voiding an operation that was signed and not submitted', () => {
  let stage: Stage
  let scene: Scene
  let token: string
  let moving: TokenMoving
  let operation: unknown
  let headBefore: string | undefined

  beforeAll(async () => {
    stage = await startStage()
    scene = await startScene(stage, { records: 20, blobs: 2 })
    token = await mint(scene.cirrus, { target: scene.reference })
    moving = await beginWithToken(moveTo(scene, token))
    await copyRepo(moving)
    operation = await signOperation(moving, token)
    headBefore = (await status(scene.cirrus)).identity.head
  })
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]()
    await stage?.[Symbol.asyncDispose]()
  })

  it('is offered while such an operation exists', async () => {
    const { unsubmitted, next } = await status(scene.cirrus)
    expect(unsubmitted).toMatchObject([{ pds: scene.reference.url }])
    expect(next).toContain('pds identity --void')
  })

  it('puts an operation that changes nothing in its place', async () => {
    const before = await readIdentity(stage.plc.url, scene.did)
    await pds(scene.cirrus, 'identity', '--void', '--yes')
    expect(await readIdentity(stage.plc.url, scene.did)).toEqual(before)
    const now = await status(scene.cirrus)
    expect(now.unsubmitted).toEqual([])
    expect(now.identity.head).not.toBe(headBefore)
    expect(now.next).toContain('All is well')
  })

  it('makes the directory refuse the old one', async () => {
    const answer = await fetch(`${stage.plc.url}/${scene.did}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(operation),
    })
    expect(answer.status).toBe(400)
  })

  it('makes the target fail with the old one', async () => {
    expect((await refusal(submitOperation(moving, operation))).status).toBeGreaterThanOrEqual(400)
    expect(await readIdentity(stage.plc.url, scene.did)).toMatchObject({ pds: scene.cirrus.url })
  })

  it('has nothing to void a second time', async () => {
    await expect(pds(scene.cirrus, 'identity', '--void', '--yes')).rejects.toThrow(/void/)
  })

  it('leaves the account as it was, and the token good for the same answer only', async () => {
    await write(scene.cirrus.url, scene.did, await ownerAuth(scene.cirrus))
    expect(await signOperation(moving, token)).toEqual(operation)
    const fresh = await mint(scene.cirrus, { target: scene.reference })
    const next = await signOperation({ ...moving, source: `Bearer ${fresh}` }, fresh)
    expect(next).not.toEqual(operation)
    await submitOperation(moving, next)
    expect(await readIdentity(stage.plc.url, scene.did)).toMatchObject({ pds: scene.reference.url })
  })
})
