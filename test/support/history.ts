import { createHash } from 'node:crypto'

export interface Change {
  action: 'create' | 'update' | 'delete'
  collection: string
  rkey: string
  text: string
}

const COLLECTIONS = ['app.bsky.feed.post', 'app.bsky.feed.like', 'com.example.note', 'a.b.c', 'zz.zz.zz']

/** Random numbers from 0 to 1 that follow from the seed. */
export const chance = (seed: string): (() => number) => {
  let n = 0
  return () => createHash('sha256').update(`${seed} ${n++}`).digest().readUInt32BE() / 2 ** 32
}

/**
 * A random history that a seed repeats: creations, changes, deletions and re-creations, in commits of 1 to 200 changes,
 * until there were `changes` of them. The share `single` of the commits has one change only. Each change is allowed, as
 * the generator knows which records exist.
 */
export function* history(seed: string, changes: number, single = 0.7): Generator<Change[]> {
  const random = chance(seed)
  const pick = (below: number) => Math.floor(random() * below)
  const live = new Map<string, [string, string]>()
  const gone: [string, string][] = []
  const change = (taken: Set<string>): Change | undefined => {
    const dice = random()
    const text = `${seed} ${pick(1e9)}`
    const paths = [...live.keys()]
    const path = paths[pick(paths.length)]
    if (dice < 0.55 || path === undefined) {
      // Some deleted records are created again under the same key.
      const again = random() < 0.25 ? gone[pick(gone.length)] : undefined
      const [collection, rkey] = again ?? [
        COLLECTIONS[pick(COLLECTIONS.length)] ?? 'a.b.c',
        pick(1e9).toString(36),
      ]
      const fresh = `${collection}/${rkey}`
      if (live.has(fresh) || taken.has(fresh)) return undefined
      live.set(fresh, [collection, rkey])
      taken.add(fresh)
      return { action: 'create', collection, rkey, text }
    }
    const at = live.get(path)
    if (!at || taken.has(path)) return undefined
    taken.add(path)
    const [collection, rkey] = at
    if (dice < 0.75) return { action: 'update', collection, rkey, text }
    live.delete(path)
    gone.push(at)
    return { action: 'delete', collection, rkey, text }
  }
  for (let done = 0; done < changes;) {
    const size = random() < single ? 1 : random() < 0.9 ? 1 + pick(20) : 1 + pick(200)
    const taken = new Set<string>()
    const batch: Change[] = []
    for (let i = 0; i < size; i++) {
      const next = change(taken)
      if (next) batch.push(next)
    }
    if (batch.length === 0) continue
    done += batch.length
    yield batch
  }
}

export const record = ({ collection, text }: Change): Record<string, string> => ({
  $type: collection,
  text,
  createdAt: '2026-11-22T00:00:00.000Z',
})
