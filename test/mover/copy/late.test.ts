import { expect, it } from 'vitest'
import { bringLate } from '../../../src/mover/copy/bringLate.ts'
import { endLate, findLate, type FindLateOptions } from '../../../src/mover/copy/findLate.ts'
import { memoryStore } from '../fakes/memoryStore.ts'
import { blobBytes, type FakeWorld, imagePost, post, postPath } from '../fakes/fakeWorld.ts'
import { lacking, worldWith } from './support.ts'

/** A move whose target is active, and records that came after the copy. */
const afterActivation = async () => {
  const world = await worldWith()
  const { facts } = await world.copy()
  const taken = facts.root
  world.there.active = true
  const image = blobBytes(99)
  world.source.putBlob(world.account, image)
  await world.source.write(world.account, {
    [postPath(5000)]: post('late'),
    [postPath(5001)]: imagePost(image),
    [postPath(1)]: post('changed late'),
    [postPath(2)]: undefined,
  })
  const options = { source: world.from, target: world.to, who: world.who, rotatedAt: undefined }
  const find = async () => (await findLate(world.deps, { ...options, store: world.store, taken })).writes
  const bring = async () =>
    bringLate(world.deps, { did: world.did, source: world.from, target: world.to, writes: await find() })
  return { ...world, options, find, bring }
}

it('brings over what was written, changed and deleted after the copy, with its blobs, once', async () => {
  const world = await afterActivation()
  expect((await world.find()).map(({ path, action, conflict }) => [path, action, conflict])).toEqual([
    [postPath(1), 'update', false],
    [postPath(2), 'delete', false],
    [postPath(5000), 'create', false],
    [postPath(5001), 'create', false],
  ])
  expect(await world.bring()).toEqual({ brought: 4, failed: [], missing: [] })
  expect(lacking(world)).toEqual([])
  expect(world.there.repo.records.has(postPath(2))).toBe(false)
  expect(await world.find()).toEqual([])
  await endLate(world.store)
})

it('leaves what was written to the target in the meantime, and says where both were changed', async () => {
  const world = await afterActivation()
  await world.target.write(world.there, {
    [postPath(6000)]: post('new here'),
    [postPath(1)]: post('changed here'),
  })
  const found = await world.find()
  expect(found.filter(({ conflict }) => conflict).map(({ path }) => path)).toEqual([postPath(1)])
  await bringLate(world.deps, {
    did: world.did,
    source: world.from,
    target: world.to,
    writes: found.filter(({ conflict }) => !conflict),
  })
  expect(world.there.repo.records.has(postPath(6000))).toBe(true)
  expect((await world.find()).map(({ path }) => path)).toEqual([postPath(1)])
})

it('finds from another machine what only the source has, and deletes nothing', async () => {
  const world = await afterActivation()
  await world.target.write(world.there, { [postPath(6000)]: post('new here') })
  const { writes: found } = await findLate(world.deps, {
    ...world.options,
    store: memoryStore(),
    taken: undefined,
  })
  expect(found.map(({ path, action, conflict }) => [path, action, conflict])).toEqual([
    [postPath(1), 'update', true],
    [postPath(5000), 'create', false],
    [postPath(5001), 'create', false],
  ])
})

it('names a record that the target refuses, and brings the others over', async () => {
  const world = await afterActivation()
  world.target.hooks.push({
    before: ({ method, input }) =>
      method.endsWith('applyWrites') && JSON.stringify(input()).includes('changed late')
        ? Response.json({ error: 'InvalidRequest', message: 'no' }, { status: 400 })
        : undefined,
  })
  expect(await world.bring()).toEqual({
    brought: 3,
    failed: [{ uri: `at://${world.did}/${postPath(1)}`, problem: 'InvalidRequest: no' }],
    missing: [],
  })
})

it('says so where a late record has no JSON', async () => {
  const world = await afterActivation()
  const float = [0xa1, 0x61, 0x78, 0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]
  await world.source.write(world.account, { [postPath(7000)]: new Uint8Array(float) })
  const { failed, brought } = await world.bring()
  expect(brought).toBe(4)
  expect(failed).toEqual([
    { uri: `at://${world.did}/${postPath(7000)}`, problem: expect.stringContaining('floating point') },
  ])
})

it('does not write twice when an answer was lost, and goes on in the next run', async () => {
  const world = await afterActivation()
  let n = 0
  world.target.hooks.push({
    after: ({ method }, answer) => {
      if (method.endsWith('applyWrites') && ++n === 1) throw new TypeError('fetch failed')
      return answer
    },
  })
  await expect(world.bring()).rejects.toMatchObject({ code: 'target-unreachable' })
  expect(await world.bring()).toEqual({ brought: 0, failed: [], missing: [] })
  expect(lacking(world)).toEqual([])
})

/** From another machine: what only the source has, one of them old and deleted at the target. */
const withoutJournal = async () => {
  const world = await worldWith()
  await world.copy()
  world.there.active = true
  const pass = () => world.network.wait(1000, new AbortController().signal)
  await pass()
  const rotatedAt = world.network.now()
  await pass()
  await world.target.write(world.there, { [postPath(3)]: undefined, [postPath(6000)]: post('new here') })
  await world.source.write(world.account, { [postPath(5000)]: post('late') })
  const find = async (given: Partial<FindLateOptions> = {}) => {
    const store = memoryStore()
    const options = {
      source: world.from,
      target: world.to,
      who: world.who,
      store,
      taken: undefined,
      rotatedAt,
    }
    const { writes } = await findLate(world.deps, { ...options, ...given })
    return writes.map(({ path, action, doubt }) => [path, action, doubt])
  }
  return { ...world, find }
}

it('without the journal tells what came after the DID named the target from what may have been deleted there', async () => {
  const { find } = await withoutJournal()
  expect(await find()).toEqual([
    [postPath(3), 'create', 'older'],
    [postPath(5000), 'create', undefined],
  ])
})

it.each([
  [
    'sends everything, whatever the revision',
    (world: FakeWorld) =>
      world.source.hooks.push({
        before: async ({ method, params }) =>
          method.endsWith('getRepo') && params.has('since')
            ? new Response(new Uint8Array(await world.account.repo.car()))
            : undefined,
      }),
  ],
  [
    'refuses a revision',
    (world: FakeWorld) =>
      world.source.hooks.push({
        before: ({ method, params }) =>
          method.endsWith('getRepo') && params.has('since')
            ? Response.json({ error: 'InvalidRequest', message: 'no' }, { status: 400 })
            : undefined,
      }),
  ],
] as const)('is in doubt about all of it with a source that %s', async (_, change) => {
  const { find, ...world } = await withoutJournal()
  change(world)
  expect(await find()).toEqual([
    [postPath(3), 'create', 'unknown'],
    [postPath(5000), 'create', 'unknown'],
  ])
})

it('is in doubt about all of it where the log of the DID does not say when it named the target', async () => {
  const { find } = await withoutJournal()
  expect((await find({ rotatedAt: undefined })).map(([, , doubt]) => doubt)).toEqual(['unknown', 'unknown'])
})
