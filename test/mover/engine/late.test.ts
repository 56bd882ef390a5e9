import { expect, it } from 'vitest'
import { createWorld, type FakeWorld, post, postPath } from '../fakes/fakeWorld.ts'
import { memoryStore } from '../fakes/memoryStore.ts'
import { refusal } from '../fakes/network.ts'
import { type Ran, runMove } from './support.ts'

/** What was asked about records that only the source has. */
const askedAbout = ({ asked }: Ran) =>
  asked
    .filter(({ name, asks }) => name === 'confirm' && asks['topic'] === 'lateRecords')
    .map(({ asks: { lines, insists } }) => ({ lines, insists }))

const there = (world: FakeWorld) => {
  const account = world.target.accounts.get(world.did)
  if (!account) throw new Error('the account has not moved')
  return account
}

/** An account that has moved, but for a source that cannot be deactivated yet, and takes writes. */
const movedAlmost = async () => {
  const world = await createWorld()
  world.source.hooks.push({
    before: ({ method }) =>
      method.endsWith('deactivateAccount') ? refusal(500, 'InternalServerError') : undefined,
  })
  const store = memoryStore()
  const run = (given = store) => runMove(world, { store: given })
  await run()
  await world.network.wait(60_000, new AbortController().signal)
  return { world, run }
}

it('what was deleted at the target after it was brought over late stays deleted', async () => {
  const { world, run } = await movedAlmost()
  await world.source.write(world.account, { [postPath(5000)]: post('late') })
  expect(askedAbout(await run())).toEqual([{ lines: [`${postPath(5000)} was written`], insists: false }])
  await world.target.write(there(world), { [postPath(5000)]: undefined, [postPath(1)]: undefined })
  await world.source.write(world.account, { [postPath(5001)]: post('later') })
  expect(askedAbout(await run())).toEqual([{ lines: [`${postPath(5001)} was written`], insists: false }])
  expect([5000, 5001, 1].map((n) => there(world).repo.records.has(postPath(n)))).toEqual([false, true, false])
})

it('without the journal, what may have been deleted at the target is asked about by itself', async () => {
  const { world, run } = await movedAlmost()
  await world.target.write(there(world), { [postPath(1)]: undefined })
  await world.source.write(world.account, { [postPath(5000)]: post('late') })
  expect(askedAbout(await run(memoryStore()))).toEqual([
    { lines: [`${postPath(5000)} was written`], insists: false },
    { lines: [`${postPath(1)} was there before the DID named the new server`], insists: true },
  ])
})
