import { expect, it } from 'vitest'
import { bringLate } from '../../../src/mover/copy/bringLate.ts'
import { endLate, findLate } from '../../../src/mover/copy/findLate.ts'
import { memoryStore } from '../fakes/memoryStore.ts'
import { blobBytes, imagePost, post, postPath } from '../fakes/fakeWorld.ts'
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
  const find = () =>
    findLate(world.deps, { source: world.from, target: world.to, who: world.who, store: world.store, taken })
  const bring = async () =>
    bringLate(world.deps, { did: world.did, source: world.from, target: world.to, writes: await find() })
  return { ...world, find, bring }
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
  const found = await findLate(world.deps, {
    source: world.from,
    target: world.to,
    who: world.who,
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
