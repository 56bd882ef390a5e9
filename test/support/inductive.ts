/**
 * A consumer's check of sync 1.1, by @atproto/repo's own tree and on nothing but the event: whether the commit
 * is signed, whether it holds what its operations say, and whether inverting them on the partial tree in
 * `blocks` arrives at `prevData`. Shares no code with what makes the events.
 */
import type { LexMap } from '@atproto/lex-data'
import { decode } from '@atproto/lex-cbor'
import { MemoryBlockstore, MST, readCarWithRoot, verifyCommitSig } from '@atproto/repo'

/** The state of the repository after the last event. */
export interface Standing {
  rev: string
  /** The root of the tree; undefined if no event has named it, as after `#sync`. */
  data?: string
}

interface Op {
  action: string
  path: string
  cid: { toString(): string } | null
  prev?: { toString(): string }
}

export interface CommitEvent {
  repo: string
  commit: { toString(): string }
  rev: string
  since: string | null
  blocks: Uint8Array
  ops: Op[]
  blobs: unknown[]
  prevData?: { toString(): string }
  rebase: boolean
  tooBig: boolean
}

class Wrong extends Error {}

const insist = (condition: boolean, what: string): void => {
  if (!condition) throw new Wrong(what)
}

const byPath = (a: Op, b: Op): number => (a.path < b.path ? -1 : 1)

/** Consumers invert operations in different orders: the reference from the last to the first, the relay deletions first. */
const orders = {
  'last operation first': (ops: readonly Op[]) => ops.toReversed(),
  'first operation first': (ops: readonly Op[]) => [...ops],
  'deletions first': (ops: readonly Op[]) => {
    const deletions = ops.filter(({ action }) => action === 'delete')
    const others = ops.filter(({ action }) => action !== 'delete')
    return [...deletions.toSorted(byPath), ...others.toSorted(byPath)]
  },
  'deletions last': (ops: readonly Op[]) => {
    const deletions = ops.filter(({ action }) => action === 'delete')
    const others = ops.filter(({ action }) => action !== 'delete')
    return [...others.toSorted(byPath), ...deletions.toSorted(byPath)]
  },
} satisfies Record<string, (ops: readonly Op[]) => Op[]>

// An object literal has exactly these keys.
const ALL_ORDERS = Object.keys(orders) as (keyof typeof orders)[]

type TreeCid = Awaited<ReturnType<MST['getPointer']>>
type Commit = Parameters<typeof verifyCommitSig>[0]

/** Reads the commit, which must be the root of the CAR, and checks its signature. */
export const checkSigned = async (
  blocks: Uint8Array,
  event: { rev: string },
  did: string,
  didKey: string,
) => {
  const car = await readCarWithRoot(blocks)
  const bytes = car.blocks.get(car.root)
  if (!bytes) throw new Wrong('the commit is not in its CAR')
  // Its fields are checked one by one below.
  const commit = decode<LexMap>(bytes) as unknown as Commit
  insist(commit.did === did && commit.version === 3 && commit.prev === null, 'the commit is not well-formed')
  insist(commit.rev === event.rev, 'the commit has another rev than the event')
  insist(await verifyCommitSig(commit, didKey), 'the signature does not verify')
  return { car, commit }
}

/** Checks one `#commit` against the event before it, and gives the state of the repository after it. */
export const checkCommit = async (
  event: CommitEvent,
  before: Standing,
  didKey: string,
  inOrders: readonly (keyof typeof orders)[] = ALL_ORDERS,
): Promise<Standing> => {
  insist(!event.rebase && !event.tooBig && event.blobs.length === 0, 'a field is set that must not be')
  insist(event.blocks.length <= 2_000_000 && event.ops.length <= 200, 'the event is too large')
  insist(event.since === before.rev && event.rev > before.rev, `since is ${event.since}, not ${before.rev}`)
  const { car, commit } = await checkSigned(event.blocks, event, event.repo, didKey)
  insist(String(car.root) === String(event.commit), 'the CAR has another root than the event')
  const store = new MemoryBlockstore(car.blocks)
  const after = MST.load(store, commit.data)
  const paths = new Set<string>()
  for (const { action, path, cid, prev } of event.ops) {
    insist(!paths.has(path), `two operations on ${path}`)
    paths.add(path)
    insist((action === 'create') === (prev === undefined), `${action} of ${path} has the wrong prev`)
    insist((action === 'delete') === (cid === null), `${action} of ${path} has the wrong cid`)
    const found = await after.get(path)
    insist(String(found) === String(cid), `${path} holds ${found}, not ${cid}`)
    if (found) insist(car.blocks.has(found), `the record ${path} is not in the event`)
  }
  for (const name of inOrders) {
    let tree = after
    for (const { action, path, prev } of orders[name](event.ops)) {
      // The same CIDs, in the type that the tree takes.
      const value = prev as TreeCid | undefined
      if (action === 'create' || !value) tree = await tree.delete(path)
      else tree = action === 'update' ? await tree.update(path, value) : await tree.add(path, value)
    }
    const inverted = String(await tree.getPointer())
    insist(inverted === String(event.prevData), `${name}: inverted, the tree is ${inverted}`)
  }
  insist(
    before.data === undefined || before.data === String(event.prevData),
    'prevData is not the tree of the last commit',
  )
  return { rev: event.rev, data: String(commit.data) }
}

/** Checks a `#sync`: a CAR of the commit alone. */
export const checkSync = async (
  event: { did: string; rev: string; blocks: Uint8Array },
  didKey: string,
): Promise<Standing> => {
  const { car, commit } = await checkSigned(event.blocks, event, event.did, didKey)
  insist(car.blocks.size === 1, 'the CAR of a #sync holds more than the commit')
  return { rev: event.rev, data: String(commit.data) }
}
