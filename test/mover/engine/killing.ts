import { expect } from 'vitest'
import type { FakeWorld } from '../fakes/fakeWorld.ts'
import type { MemoryStore } from '../fakes/memoryStore.ts'
import { NEW_HANDLE, runMove, type RunOptions } from './support.ts'

export class Killed extends Error {}

/** Everything is at the target, nobody else has it, and no session is left open. */
export const expectMoved = (world: FakeWorld, records = 12) => {
  const { source, target, did, account } = world
  const there = target.accounts.get(did)
  expect(there).toMatchObject({ active: true, handle: NEW_HANDLE })
  expect(there?.repo.data).toBe(account.repo.data)
  expect(there?.repo.records.size).toBe(records)
  expect([...account.repo.blobs].every((cid) => there?.blobs.has(cid))).toBe(true)
  expect(there?.preferences).toEqual(account.preferences)
  expect(account.active).toBe(false)
  expect(world.directory.data(did)).toMatchObject({
    services: { atproto_pds: { endpoint: target.origin } },
    alsoKnownAs: [`at://${NEW_HANDLE}`, `at://${world.handle}`],
  })
  expect(world.directory.log(did)).toHaveLength(2)
  for (const pds of [source, target])
    expect([...pds.sessions.values()].filter(({ kind }) => kind === 'refresh')).toEqual([])
}

/** Dies at the n-th line of the journal: before it is on the disk, or after. */
export const dyingStore = (base: MemoryStore, at: number, when: 'before' | 'after'): MemoryStore => {
  let lines = 0
  return {
    ...base,
    async appendLine(line) {
      lines++
      if (lines > at || (lines === at && when === 'before')) throw new Killed()
      await base.appendLine(line)
      if (lines === at) throw new Killed()
    },
  }
}

export const attempt = async (world: FakeWorld, options: RunOptions) => {
  try {
    await runMove(world, options)
    return 'done'
  } catch (cause) {
    if (cause instanceof Killed) return 'killed'
    throw cause
  }
}
