/**
 * A consumer's check of sync 1.1, by @atproto/repo's own tree and on nothing but the event: whether the commit
 * is signed, whether it holds what its operations say, and whether inverting them on the partial tree in
 * `blocks` arrives at `prevData`. Shares no code with what makes the events of a Cirrus.
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

/** What a wrong event is wrong about. */
export type About = 'fields' | 'chain' | 'blocks' | 'inversion' | 'signature'

/** An event that a consumer must not take. */
export class WrongEvent extends Error {
  readonly about: About
  constructor(about: About, what: string) {
    super(what)
    this.about = about
  }
}

const insist = (condition: boolean, about: About, what: string): void => {
  if (!condition) throw new WrongEvent(about, what)
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

const emptyTree = async (): Promise<string> =>
  String(await (await MST.create(new MemoryBlockstore())).getPointer())

/** Reads the commit, which must be the root of the CAR, and checks its signature. */
export const checkSigned = async (
  blocks: Uint8Array,
  event: { rev: string },
  did: string,
  didKey: string | undefined,
) => {
  const car = await readCarWithRoot(blocks)
  const bytes = car.blocks.get(car.root)
  if (!bytes) throw new WrongEvent('blocks', 'the commit is not in its CAR')
  // Its fields are checked one by one below.
  const commit = decode<LexMap>(bytes) as unknown as Commit
  insist(
    commit.did === did && commit.version === 3 && commit.prev === null,
    'blocks',
    'the commit is not well-formed',
  )
  insist(commit.rev === event.rev, 'blocks', 'the commit has another rev than the event')
  insist(
    didKey === undefined || (await verifyCommitSig(commit, didKey)),
    'signature',
    'the signature does not verify',
  )
  return { car, commit }
}

/** Checks one `#commit` against the event before it, and gives the state of the repository after it. */
export const checkCommit = async (
  event: CommitEvent,
  before: Standing | undefined,
  didKey: string | undefined,
  inOrders: readonly (keyof typeof orders)[] = ALL_ORDERS,
): Promise<Standing> => {
  insist(
    !event.rebase && !event.tooBig && event.blobs.length === 0,
    'fields',
    'a field is set that must not be',
  )
  insist(event.blocks.length <= 2_000_000 && event.ops.length <= 200, 'fields', 'the event is too large')
  insist(
    before === undefined || (event.since === before.rev && event.rev > before.rev),
    'chain',
    `since is ${event.since}, not ${before?.rev}`,
  )
  const { car, commit } = await checkSigned(event.blocks, event, event.repo, didKey)
  insist(String(car.root) === String(event.commit), 'blocks', 'the CAR has another root than the event')
  const store = new MemoryBlockstore(car.blocks)
  const after = MST.load(store, commit.data)
  const paths = new Set<string>()
  for (const { action, path, cid, prev } of event.ops) {
    insist(!paths.has(path), 'fields', `two operations on ${path}`)
    paths.add(path)
    insist(
      (action === 'create') === (prev === undefined),
      'fields',
      `${action} of ${path} has the wrong prev`,
    )
    insist((action === 'delete') === (cid === null), 'fields', `${action} of ${path} has the wrong cid`)
    const found = await after.get(path)
    insist(String(found) === String(cid), 'blocks', `${path} holds ${found}, not ${cid}`)
    if (found) insist(car.blocks.has(found), 'blocks', `the record ${path} is not in the event`)
  }
  // The first commit of a repository may leave it out: there was no tree before it.
  const isFirst = event.prevData === undefined && event.since === null
  const prevData = isFirst ? await emptyTree() : String(event.prevData)
  for (const name of inOrders) {
    let tree = after
    for (const { action, path, prev } of orders[name](event.ops)) {
      // The same CIDs, in the type that the tree takes.
      const value = prev as TreeCid | undefined
      if (action === 'create' || !value) tree = await tree.delete(path)
      else tree = action === 'update' ? await tree.update(path, value) : await tree.add(path, value)
    }
    const inverted = String(await tree.getPointer())
    insist(inverted === prevData, 'inversion', `${name}: inverted, the tree is ${inverted}`)
  }
  insist(
    before?.data === undefined || before.data === prevData,
    'chain',
    'prevData is not the tree of the last commit',
  )
  return { rev: event.rev, data: String(commit.data) }
}

/** Checks a `#sync`: a CAR of the commit alone. */
export const checkSync = async (
  event: { did: string; rev: string; blocks: Uint8Array },
  didKey: string | undefined,
): Promise<Standing> => {
  const { car, commit } = await checkSigned(event.blocks, event, event.did, didKey)
  insist(car.blocks.size === 1, 'blocks', 'the CAR of a #sync holds more than the commit')
  return { rev: event.rev, data: String(commit.data) }
}
