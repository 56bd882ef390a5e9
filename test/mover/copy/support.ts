import type { CopyDeps } from '../../../src/mover/copy/copyDeps.ts'
import { copyBlobs } from '../../../src/mover/copy/copyBlobs.ts'
import { copyPreferences } from '../../../src/mover/copy/copyPreferences.ts'
import { fetchRepo } from '../../../src/mover/copy/fetchRepo.ts'
import { sendRepo } from '../../../src/mover/copy/sendRepo.ts'
import { createWorld, type FakeWorld, type FakeWorldOptions } from '../fakes/fakeWorld.ts'
import type { Fault } from '../fakes/faults/fault.ts'
import { memoryStore } from '../fakes/memoryStore.ts'

/** A world in which these faults happen, and what the copy takes. */
export const worldWith = async (faults: readonly Fault[] = [], more: FakeWorldOptions = {}) => {
  const options = faults.reduce<FakeWorldOptions>(
    (merged, fault) => ({
      ...merged,
      ...fault.options,
      source: { ...merged.source, ...fault.options?.source },
      target: { ...merged.target, ...fault.options?.target },
    }),
    more,
  )
  const world = await createWorld(options)
  const there = await world.createAtTarget()
  for (const fault of faults) await fault.apply?.(world, () => 1)
  const { network, source, target, did, account, directory } = world
  const deps: CopyDeps = { ...network, signal: new AbortController().signal }
  const store = memoryStore()
  const from = { client: world.client(source), name: source.origin }
  const to = { client: world.client(target), kind: 'standard' as const, origin: target.origin }
  const who = { did, signingKeys: [account.signingKey.did()] }
  return {
    ...world,
    there,
    deps,
    store,
    who,
    from,
    to,
    directory,
    fetchRepo: () => fetchRepo(deps, { source: from, who, store }),
    /** The whole copy, as the steps of a move do it. */
    async copy(left: readonly string[] = []) {
      const { facts, how, delta } = await fetchRepo(deps, { source: from, who, store })
      const sent = await sendRepo(deps, { did, target: to, store, facts, delta })
      const blobs = await copyBlobs(deps, { did, source: from, target: to, blobs: facts.blobs, left })
      const preferences = await copyPreferences(deps, { source: from, target: to })
      return { facts, how, sent, blobs, preferences }
    },
  }
}

/** What the target lacks of what the source had when it still had all: empty if all is there. */
export const lacking = ({ target, did, account }: FakeWorld): string[] => {
  const there = target.accounts.get(did)
  const records = [...account.repo.records]
    .filter(([path, { cid }]) => !there?.repo.records.get(path)?.cid.equals(cid))
    .map(([path]) => path)
  const blobs = [...account.repo.blobs].filter((cid) => !there?.blobs.has(cid))
  return [...records, ...blobs]
}
