// A move that dies anywhere goes on where it was; interrupted.long.test.ts kills it at each line of the journal.
import { describe, expect, it } from 'vitest'
import { createWorld, type FakeWorld, post, postPath } from '../fakes/fakeWorld.ts'
import { memoryStore } from '../fakes/memoryStore.ts'
import { attempt, dyingStore, expectMoved } from './killing.ts'
import { depsOf, runMove } from './support.ts'

it('killed at every line, one after the other, it ends as if nothing had happened', async () => {
  const world = await createWorld()
  const store = memoryStore()
  let runs = 0
  for (
    let line = 1;
    (await attempt(world, { store: dyingStore(store, line, 'after') })) === 'killed';
    line++
  ) {
    runs++
    if (runs > 200) throw new Error('it does not come to an end')
  }
  expectMoved(world)
})

it('every answer of a server lost once, it still comes to an end, and changes the DID once', async () => {
  const world = await createWorld()
  const store = memoryStore()
  const lost = new Set<string>()
  const deps = depsOf(world)
  const fetch: typeof deps.fetch = async (url, init) => {
    const answer = await world.network.fetch(url, init)
    const call = `${init.method ?? 'GET'} ${new URL(url).origin}${new URL(url).pathname}`
    if (lost.has(call) || init.method !== 'POST') return answer
    lost.add(call)
    await answer.body?.cancel()
    throw new TypeError('the line was cut')
  }
  let ends = 0
  for (let i = 0; i < 30 && ends === 0; i++)
    try {
      await runMove(world, { store, deps: { ...deps, fetch } })
      ends++
    } catch (cause) {
      expect(cause).toMatchObject({ name: 'MoverError', kind: 'retry' })
    }
  expect(ends).toBe(1)
  expect(lost.size).toBeGreaterThan(8)
  expect(world.directory.log(world.did)).toHaveLength(2)
  expect(world.target.accounts.get(world.did)).toMatchObject({ active: true })
})

describe('what is written to the source meanwhile', () => {
  const writing = async (world: FakeWorld, method: string, n: number) => {
    let due = true
    world.target.hooks.push({
      async before(call) {
        if (call.method === method && due) {
          due = false
          await world.source.write(world.account, { [postPath(20_000 + n)]: post(`late ${n}`) })
        }
        return undefined
      },
    })
  }

  it.each([
    'com.atproto.repo.importRepo',
    'com.atproto.repo.uploadBlob',
    'com.atproto.identity.submitPlcOperation',
  ])('during %s, is caught up with before the activation', async (method) => {
    const world = await createWorld()
    await writing(world, method, 1)
    const { events } = await runMove(world)
    expectMoved(world, 13)
    expect(events).toContainEqual(expect.objectContaining({ step: 'lateRecords', state: 'already' }))
  })

  it('during the activation, is shown and brought over after the deactivation', async () => {
    const world = await createWorld()
    await writing(world, 'com.atproto.server.activateAccount', 2)
    const { asked, events } = await runMove(world)
    expectMoved(world, 13)
    const shown = asked.find(({ asks }) => asks['topic'] === 'lateRecords')
    expect(shown?.asks['lines']).toEqual([`${postPath(20_002)} was written`])
    expect(events).toContainEqual(expect.objectContaining({ step: 'lateRecords', state: 'done' }))
  })

  it('stays where it is if the owner says so, and the report says it', async () => {
    const world = await createWorld()
    await writing(world, 'com.atproto.server.activateAccount', 3)
    const { report } = await runMove(world, {
      answers: { confirm: ({ topic }) => topic !== 'lateRecords' },
    })
    expect(report.left.join()).toContain(postPath(20_003))
    expect(world.target.accounts.get(world.did)?.repo.records.size).toBe(12)
  })
})
