// A move that dies at any line of its journal goes on where it was: with the journal, or on another machine without it.
import { describe, expect, it } from 'vitest'
import { createWorld } from '../fakes/fakeWorld.ts'
import { memoryStore } from '../fakes/memoryStore.ts'
import { attempt, dyingStore, expectMoved } from './killing.ts'
import { runMove } from './support.ts'

const LINES = await (async () => {
  const { store } = await runMove(await createWorld())
  return store.lines.length
})()

describe.each(['before', 'after'] as const)('killed %s each line of the journal', (when) => {
  it.each(Array.from({ length: LINES }, (_, i) => i + 1))(
    'line %i, and resumed with the journal',
    async (line) => {
      const world = await createWorld()
      const store = memoryStore()
      expect(await attempt(world, { store: dyingStore(store, line, when) })).toBe('killed')
      const signed = world.source.calls.has('com.atproto.identity.signPlcOperation')
      const usedUp = signed && !store.lines.some((each) => each.includes('"type":"signed"'))
      await runMove(world, { store })
      expectMoved(world)
      // Another code is sent only where the first was used up by a signature that was not kept.
      const sent = world.source.calls.get('com.atproto.identity.requestPlcOperationSignature') ?? 0
      expect(sent).toBe(usedUp ? 2 : 1)
    },
  )

  it.each(Array.from({ length: LINES }, (_, i) => i + 1))('line %i, and resumed without it', async (line) => {
    const world = await createWorld()
    expect(await attempt(world, { store: dyingStore(memoryStore(), line, when) })).toBe('killed')
    await runMove(world, {})
    expectMoved(world)
  })
})
