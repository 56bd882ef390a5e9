import { describe, expect, it } from 'vitest'
import { MoverError } from '../../../src/mover/moverError.ts'
import { signOperation } from '../fakes/directory.ts'
import { blobBytes, imagePost, post, postPath } from '../fakes/fakeWorld.ts'
import type { RotationKey } from '../../../src/signing/keys.ts'
import { fakeKey } from '../fakes/keys.ts'
import { movedWorld, runUndo, type UndoWorld } from './support.ts'

const HOUR_MS = 3600_000
const pds = (world: UndoWorld) => world.directory.data(world.did)?.services['atproto_pds']?.endpoint
const paths = ({ account }: UndoWorld) => [...account.repo.records.keys()].toSorted()
const failure = async (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => 'done',
    (cause: unknown) => cause,
  )

/** What an owner does at the new server before they regret it. */
const live = async (world: UndoWorld) => {
  const { target, made } = world
  const image = blobBytes(77)
  target.putBlob(made, image)
  await target.write(made, {
    [postPath(700)]: post('written there'),
    [postPath(701)]: imagePost(image),
    [postPath(0)]: post('changed there'),
    [postPath(1)]: undefined,
  })
  return image
}

describe('undoing a move', () => {
  it('brings the DID, the account and what was added back, and leaves the other server nothing', async () => {
    const world = await movedWorld()
    const image = await live(world)
    const there = new Map(world.made.repo.records)
    const { report, events } = await runUndo(world, { answers: { confirm: () => true } })
    expect(report).toMatchObject({
      ok: true,
      left: world.target.origin,
      returned: world.source.origin,
      additions: { created: 2, updated: 1, deleted: 1, blobs: 1, lostBlobs: [], conflicts: [] },
      written: 4,
      failed: [],
      unchanged: [],
      standingKeys: [],
      deactivated: true,
    })
    expect(report.keys).toEqual([world.target.rotationKey.did(), world.made.signingKey.did()])
    expect(report.nullified).toHaveLength(1)
    expect(pds(world)).toBe(world.source.origin)
    expect([world.account.active, world.made.active]).toEqual([true, false])
    for (const [path, { cid }] of there)
      expect(world.account.repo.records.get(path)?.cid.equals(cid)).toBe(true)
    expect(paths(world)).toEqual([...there.keys()].toSorted())
    const blobs = [...world.account.blobs.values()].map(({ bytes }) => bytes)
    expect(blobs).toContainEqual(image)
    const preview = events.find(({ type }) => type === 'preview')
    expect(preview?.type === 'preview' && preview.lines.map(({ kind, text }) => `${kind} ${text}`)).toEqual(
      expect.arrayContaining([
        `dropped rotation key 2: ${world.target.rotationKey.did()} (new.fake-pds.org’s)`,
        `kept rotation key 1: ${world.ownerKeys[0]?.did()} (your recovery key)`,
        `added rotation key 2: ${world.source.rotationKey.did()} (old.fake-pds.org’s)`,
        `added PDS ${world.source.origin}`,
      ]),
    )
  })

  it('signs now if there is no file, and ends each session that it opened', async () => {
    const world = await movedWorld()
    const { report } = await runUndo(world, { file: undefined, recoveryKey: world.recoveryKey })
    expect(report).toMatchObject({ ok: true, written: 0 })
    expect(pds(world)).toBe(world.source.origin)
    const ended = world.network.requests.filter(({ path }) => path.endsWith('deleteSession'))
    expect(ended.map(({ origin }) => origin)).toEqual([world.source.origin, world.target.origin])
  })

  it('changes nothing if the answer is no; what was added is kept', async () => {
    const world = await movedWorld()
    await live(world)
    const refused = await failure(runUndo(world, { answers: { confirm: () => false } }))
    expect(refused).toMatchObject({ code: 'not-confirmed' })
    expect([pds(world), world.made.active, world.account.active]).toEqual([world.target.origin, true, false])
    expect([...world.store.files.keys()].filter((name) => name.startsWith('blob-'))).toHaveLength(1)
  })

  it('deletes nothing without a yes of its own: --yes does not cover it', async () => {
    const world = await movedWorld()
    await live(world)
    const { report, asked } = await runUndo(world)
    expect(asked.map(({ topic, insists }) => [topic, insists])).toEqual([
      ['undo', false],
      ['deletions', true],
    ])
    expect(report).toMatchObject({ ok: true, written: 3, unchanged: [postPath(1)] })
    expect(world.account.repo.records.has(postPath(1))).toBe(true)
  })

  it('signs a commit above the revision that the network has seen, though nothing is brought back', async () => {
    const world = await movedWorld()
    const seen = world.made.repo.rev
    expect(world.account.repo.rev < seen).toBe(true)
    const before = paths(world)
    await runUndo(world)
    expect(world.account.repo.rev > seen).toBe(true)
    expect(paths(world)).toEqual(before)
  })

  it('goes on after an interruption at any request, and brings everything back once', async () => {
    const whole = await movedWorld()
    await live(whole)
    const before = whole.network.requests.length
    await runUndo(whole)
    const requests = whole.network.requests.length - before
    expect(requests).toBeGreaterThan(20)
    for (let at = 0; at < requests; at++) {
      const world = await movedWorld()
      await live(world)
      const stop = new AbortController()
      const { fetch } = world.network
      let left = at
      // The request arrives, and then the process dies.
      const dying: typeof fetch = async (input, init) => {
        const answer = await fetch(input, init)
        if (left-- <= 0) stop.abort(new Error('killed'))
        stop.signal.throwIfAborted()
        return answer
      }
      const deps = {
        ...world.network,
        fetch: dying,
        random: (n: number) => new Uint8Array(n),
        signal: stop.signal,
        directoryUrl: world.directory.origin,
        dev: false,
      }
      const died = await failure(runUndo(world, { deps }))
      // The last two only end the sessions.
      if (at < requests - 2) expect(died).not.toBe('done')
      // One side always serves the account, but for the moment between the operation and the activation.
      const { report } = await runUndo(world)
      expect(report).toMatchObject({ ok: true, failed: [], deactivated: true })
      expect(pds(world)).toBe(world.source.origin)
      expect([world.account.active, world.made.active]).toEqual([true, false])
      expect(paths(world)).toEqual(paths(whole))
      for (const [path, { cid }] of whole.account.repo.records)
        expect([path, world.account.repo.records.get(path)?.cid.toString()]).toEqual([path, cid.toString()])
    }
  })

  it('keeps what was written at home after the way back, when it is run again', async () => {
    const world = await movedWorld()
    await live(world)
    await runUndo(world)
    await world.source.write(world.account, {
      [postPath(0)]: post('changed at home'),
      [postPath(700)]: undefined,
      [postPath(900)]: post('new at home'),
    })
    const before = paths(world)
    const { report } = await runUndo(world)
    expect(report.ok).toBe(true)
    expect(paths(world)).toEqual(before)
  })

  it('brings back what was written between the first look and the deactivation', async () => {
    const world = await movedWorld()
    const { target, made, directory } = world
    directory.hooks.push(async ({ method }) => {
      if (method === 'POST') await target.write(made, { [postPath(800)]: post('at the last moment') })
      return undefined
    })
    const { report } = await runUndo(world)
    expect(report).toMatchObject({ ok: true, written: 1 })
    expect(world.account.repo.records.has(postPath(800))).toBe(true)
  })

  describe('where the other server', () => {
    it('is gone, goes on only if the owner says so', async () => {
      const world = await movedWorld()
      await live(world)
      world.target.gone = true
      expect(await failure(runUndo(world))).toMatchObject({ code: 'not-confirmed' })
      expect(pds(world)).toBe(world.target.origin)
      const { report, events } = await runUndo(world, { answers: { confirm: () => true } })
      expect(report).toMatchObject({ ok: true, additions: undefined, deactivated: false })
      expect(world.account.active).toBe(true)
      expect(events.some(({ type }) => type === 'warning')).toBe(true)
    })

    it('is not to be asked, is not asked', async () => {
      const world = await movedWorld()
      const before = world.network.requests.length
      const { report } = await runUndo(world, { withoutAdditions: true })
      expect(report).toMatchObject({ ok: true, left: undefined, deactivated: false })
      const origins = world.network.requests.slice(before).map(({ origin }) => origin)
      expect(origins).not.toContain(world.target.origin)
    })

    it('has locked the owner out, its public answers are fetched', async () => {
      const world = await movedWorld()
      await live(world)
      const wrong = { targetPassword: 'forgotten', confirm: () => true }
      expect(await failure(runUndo(world, { answers: wrong }))).toMatchObject({ code: 'sign-in-needed' })
      expect(pds(world)).toBe(world.target.origin)
      const { report } = await runUndo(world, { isLockedOut: true, answers: { confirm: () => true } })
      expect(report).toMatchObject({ ok: true, written: 4, deactivated: false })
      expect(world.account.repo.records.has(postPath(701))).toBe(true)
    })

    it('sends another repository, nothing of it comes in', async () => {
      const world = await movedWorld()
      world.made.signingKey = world.target.rotationKey as never
      await world.target.write(world.made, { [postPath(999)]: post('forged') })
      expect(await failure(runUndo(world))).toMatchObject({
        code: 'not-confirmed',
      })
      const { report } = await runUndo(world, { answers: { confirm: () => true } })
      expect(report.additions).toBe(undefined)
      expect(world.account.repo.records.has(postPath(999))).toBe(false)
    })

    it('has signed operations of its own since, they are nullified with the move', async () => {
      const world = await movedWorld()
      const { directory, did, target } = world
      const head = directory.data(did)
      if (!head) throw new Error('no data')
      const { cid, ...data } = head
      const rotationKeys = [target.rotationKey.did()]
      await directory.submit(
        did,
        await signOperation(target.rotationKey, { type: 'plc_operation', ...data, rotationKeys, prev: cid }),
      )
      const { report } = await runUndo(world)
      expect(report).toMatchObject({ ok: true, standingKeys: [] })
      expect(report.nullified).toHaveLength(2)
      expect(directory.data(did)?.rotationKeys).toContain(world.recoveryKey.did)
    })
  })

  it('brings back a DID that the other server has tombstoned', async () => {
    const world = await movedWorld()
    const { directory, did, target } = world
    const prev = directory.data(did)?.cid ?? ''
    const tombstone = { type: 'plc_tombstone' as const, prev }
    await directory.submit(did, (await signOperation(target.rotationKey, tombstone as never)) as never)
    expect(directory.data(did)).toBe(undefined)
    const { report } = await runUndo(world)
    expect(report).toMatchObject({ ok: true, standingKeys: [] })
    expect(report.nullified).toHaveLength(2)
    expect(pds(world)).toBe(world.source.origin)
  })

  it('goes back to the server that the owner names, if the DID has been moved on', async () => {
    const world = await movedWorld()
    const { directory, did, target, source, recoveryKey } = world
    const { cid: prev = '', ...data } = directory.data(did) ?? {}
    const services = {
      atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: 'https://third.fake-pds.org' },
    }
    const third = await fakeKey('a key of the third server')
    const rotationKeys = [recoveryKey.did, third.did()]
    await directory.submit(
      did,
      await signOperation(target.rotationKey, {
        type: 'plc_operation',
        ...data,
        rotationKeys,
        services,
        prev,
      } as never),
    )
    const means = { file: undefined, recoveryKey, answers: { confirm: () => true } }
    const { report } = await runUndo(world, { ...means, returnTo: source.origin })
    expect(report).toMatchObject({
      ok: true,
      returned: source.origin,
      standingKeys: [],
      left: 'https://third.fake-pds.org',
    })
    expect(report.keys).toContain(third.did())
    expect(pds(world)).toBe(source.origin)
  })

  it.each<[string, (world: UndoWorld) => Promise<Parameters<typeof runUndo>[1]>, string]>([
    [
      'after 72 hours',
      async ({ network }) => {
        await network.wait(73 * HOUR_MS, new AbortController().signal)
        return {}
      },
      'undo-impossible',
    ],
    [
      'with a key that the DID never had',
      async () => {
        const key = await fakeKey('a stranger')
        const signed: RotationKey['signOperation'] = (operation) => signOperation(key, operation)
        return { file: undefined, recoveryKey: { did: key.did(), signOperation: signed } }
      },
      'undo-impossible',
    ],
    [
      'with the file of another DID',
      async ({ file }) => ({ file: { ...file, did: 'did:plc:other' } }),
      'bad-undo-op',
    ],
    ['with neither file nor key', async () => ({ file: undefined }), 'bad-undo-op'],
  ])('is refused %s, before any password is asked for', async (_, prepare, code) => {
    const world = await movedWorld()
    const more = await prepare(world)
    const before = world.network.requests.length
    const refused = await failure(runUndo(world, more))
    expect(refused).toBeInstanceOf(MoverError)
    expect(refused).toMatchObject({ code })
    expect(world.network.requests.slice(before).map(({ origin }) => origin)).toEqual([world.directory.origin])
    expect(pds(world)).toBe(world.target.origin)
  })
})
