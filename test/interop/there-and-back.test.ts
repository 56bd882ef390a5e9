// An account leaves for the reference PDS, lives there, and comes back to the same Cirrus; and leaves again.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  admin,
  mint,
  moveTo,
  ownerAuth,
  ownerOf,
  problems,
  startScene,
  startStage,
  status,
  write,
  type Scene,
  type Stage,
} from './support/cirrus.ts'
import { record, type Message, type Recording } from './support/frames.ts'
import { copyBlobs, copyPreferences, copyRepo, finish, rotate, signIn, type Moving } from './support/goat.ts'
import { basic, moveWithToken } from './support/token.ts'
import { readIdentity, readRepo, wrongBlobs, type RepoState } from './support/verify.ts'

describe('there and back again', () => {
  let stage: Stage
  let scene: Scene
  let there: RepoState
  let back: RepoState
  let locked: unknown
  const keys: string[] = []
  /** What a relay that follows both servers is told of revisions, in the order in which it comes. */
  const followed: { host: string; rev: string }[] = []
  const recordings: Recording[] = []

  const revOf = ({ type, body }: Message): string | undefined =>
    type === '#commit' || type === '#sync' ? body.rev : undefined
  /** Follows a server until it has announced this account's revision, and takes what is new of it. */
  const follow = async (host: string, last: string) => {
    const recording = await record(host, 0)
    recordings.push(recording)
    const messages = await recording.until((all) => all.some((message) => revOf(message) === last))
    for (const message of messages) {
      const rev =
        message.body.did === scene.did || message.body.repo === scene.did ? revOf(message) : undefined
      if (rev !== undefined && !followed.some((known) => known.host === host && known.rev === rev))
        followed.push({ host, rev })
    }
  }

  beforeAll(async () => {
    stage = await startStage()
    scene = await startScene(stage, { records: 80, blobs: 10 })
    const { cirrus, reference, did } = scene
    keys.push((await readIdentity(stage.plc.url, did)).signingKey ?? '')
    await follow(cirrus.url, scene.before.rev)

    const away = await moveWithToken({
      ...moveTo(scene, await mint(cirrus, { target: reference })),
      deactivateWith: basic(cirrus.adminPassword),
    })
    await write(reference.url, did, away.target, 'a holiday')
    keys.push((await readIdentity(stage.plc.url, did)).signingKey ?? '')
    there = await readRepo(reference.url, did, { signingKey: keys[1] ?? '' })
    await follow(reference.url, there.rev)

    // On the way back the account exists already: sign in instead of createAccount; the rest is as goat does it.
    const moving: Moving = {
      did,
      source: await signIn({ url: reference.url, identifier: cirrus.handle, password: 'new password' }),
      target: await ownerOf(cirrus),
    }
    // What is here is kept, so that the move could be taken back: its owner must give it up first.
    locked = await copyRepo(moving).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    await admin(cirrus, 'com.cirrus.admin.releaseRetention', { confirmHandle: cirrus.handle })
    await copyRepo(moving)
    await copyBlobs(moving)
    await copyPreferences(moving)
    await rotate(moving, (account) => reference.plcToken(account))
    await finish(moving)
    keys.push((await readIdentity(stage.plc.url, did)).signingKey ?? '')
    back = await readRepo(cirrus.url, did, { signingKey: keys[2] ?? '' })
    await follow(cirrus.url, back.rev)
  })
  afterAll(async () => {
    for (const recording of recordings) recording.close()
    await scene?.[Symbol.asyncDispose]()
    await stage?.[Symbol.asyncDispose]()
  })

  it('is a rising line of revisions to a relay that follows both servers', () => {
    const { cirrus, reference } = scene
    expect([...new Set(followed.map(({ host }) => host))]).toEqual([cirrus.url, reference.url])
    expect(followed.at(-1)).toEqual({ host: cirrus.url, rev: back.rev })
    const revs = followed.map(({ rev }) => rev)
    expect(revs).toEqual(revs.toSorted())
    expect(new Set(revs).size).toBe(revs.length)
  })

  it('is not imported over what is kept, before its owner gave that up', () => {
    expect(locked).toMatchObject({ status: 400, error: 'RetentionLocked' })
  })

  it('never decreases the revision', async () => {
    expect(there.rev > scene.before.rev).toBe(true)
    expect(back.rev > there.rev).toBe(true)
    await write(scene.cirrus.url, scene.did, await ownerAuth(scene.cirrus), 'home')
    const home = await readRepo(scene.cirrus.url, scene.did, { signingKey: keys[2] ?? '' })
    expect(home.rev > back.rev).toBe(true)
  })

  it('copies back what was written there, and everything from before', () => {
    expect(back.data).toBe(there.data)
    expect(back.records.size).toBe(81)
    for (const [path, cid] of scene.before.records) expect(back.records.get(path)).toBe(cid)
  })

  it('has every blob', async () => {
    expect(await wrongBlobs(scene.cirrus.url, scene.did, scene.seeded)).toEqual([])
  })

  it('is signed with the same key as in the beginning, the recovery key still in front', async () => {
    const identity = await readIdentity(stage.plc.url, scene.did)
    expect(identity.pds).toBe(scene.cirrus.url)
    expect(keys[2]).toBe(keys[0])
    expect(keys[1]).not.toBe(keys[0])
    expect(identity.rotationKeys[0]).toBe(scene.cirrus.account.recoveryKeys[0])
  })

  it('finds nothing wrong, and nothing left to do', async () => {
    expect(await problems(scene.cirrus)).toEqual([])
    expect(await status(scene.cirrus)).toMatchObject({
      state: 'active',
      unsubmitted: [],
      identity: { movedAway: false },
      next: expect.stringContaining('All is well'),
    })
  })

  it('can leave again', async () => {
    const { cirrus, reference, did } = scene
    const moving: Moving = {
      did,
      source: await ownerOf(cirrus),
      target: await signIn({ url: reference.url, identifier: cirrus.handle, password: 'new password' }),
    }
    const home = await readRepo(cirrus.url, did)
    await copyRepo(moving)
    await copyBlobs(moving)
    await rotate(moving, () => mint(cirrus))
    await finish(moving)
    expect(await readIdentity(stage.plc.url, did)).toMatchObject({ pds: reference.url })
    const again = await readRepo(reference.url, did)
    expect(again.data).toBe(home.data)
    expect(await status(cirrus)).toMatchObject({ state: 'deactivated', identity: { movedAway: true } })
  })
})
