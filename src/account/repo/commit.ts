import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'
import { DataDiff, MST, type NodeEntry, ReadableBlockstore, type BlockMap } from '@atproto/repo'
import type { Block } from '../../repo/block.ts'
import { cborCid, cidKey } from '../../repo/cid.ts'
import { carHeader, carSection } from '../../repo/writeCar.ts'
import type { Blocks } from '../blocks/blocks.ts'

/** Signs unsigned v3 commits: the account's `SigningKey.commitKeypair(did)`. */
export interface CommitSigner {
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

/** A change of one record, resolved against the current tree. */
export interface Op {
  action: 'create' | 'update' | 'delete'
  path: string
  cid: Cid | null
  /** The record's block; absent on delete. */
  bytes?: Uint8Array
  /** What the path held before. */
  prev: Cid | null
}

/** The next tree and what tells it from the last. */
export interface NextTree {
  tree: MST
  data: Cid
  newNodes: Block[]
  droppedNodes: Cid[]
  /** The nodes that a consumer needs to check the operations and to invert them. */
  proof: Block[]
}

/** Reads nodes out of what is about to be written, then out of the store, and remembers which. */
class Recorder extends ReadableBlockstore {
  readonly seen = new Map<string, Block>()
  readonly #fresh: BlockMap
  readonly #blocks: Blocks

  constructor(fresh: BlockMap, blocks: Blocks) {
    super()
    this.#fresh = fresh
    this.#blocks = blocks
  }

  override async getBytes(cid: Cid): Promise<Uint8Array | null> {
    const key = cidKey(cid)
    const seen = this.seen.get(key)
    if (seen) return seen.bytes
    const bytes = this.#fresh.get(cid) ?? this.#blocks.read(cid)
    if (bytes) this.seen.set(key, { cid, bytes })
    return bytes ?? null
  }

  override async has(cid: Cid): Promise<boolean> {
    return (await this.getBytes(cid)) !== null
  }

  override async getBlocks(): Promise<never> {
    throw new Error('a tree reads its nodes one by one')
  }
}

const NEIGHBOURS = [-1, 0, 1] as const

/**
 * What `MST.getCoveringProof` gives, without encoding and hashing every node on the way again: that
 * was most of the time of a large commit.
 */
const cover = async (root: MST, path: string, recorder: Recorder): Promise<void> => {
  for (const side of NEIGHBOURS) {
    for (let node: MST | undefined = root; node;) {
      await recorder.getBytes(await node.getPointer())
      const entries: NodeEntry[] = await node.getEntries()
      const index: number = await node.findGtOrEqualLeafIndex(path)
      const at: NodeEntry | undefined = entries[index]
      const found: boolean = at?.isLeaf() === true && at.key === path
      if (found && side === 0) break
      const next: NodeEntry | undefined = found && side === 1 ? entries[index + 1] : entries[index - 1]
      node = next?.isTree() ? next : undefined
    }
  }
}

/**
 * Takes a key out. The library's tree, once empty, still remembers the layer that its last key was on,
 * and would put the next key below a root without keys, which is no tree: an empty one starts afresh.
 */
const without = async (tree: MST, path: string): Promise<MST> => {
  const next = await tree.delete(path)
  return (await next.getEntries()).length > 0 ? next : MST.create(next.storage)
}

/** Applies the operations to the tree. Nothing is written. */
export const nextTree = async (tree: MST, ops: readonly Op[], blocks: Blocks): Promise<NextTree> => {
  let next = tree
  for (const { action, path, cid } of ops) {
    if (action === 'delete' || cid === null) next = await without(next, path)
    else next = action === 'create' ? await next.add(path, cid) : await next.update(path, cid)
  }
  const data = await next.getPointer()
  const diff = await DataDiff.of(next, tree)
  const fresh = diff.newMstBlocks

  // The covering proof of each path: the nodes down to it and to its neighbours on both sides.
  const recorder = new Recorder(fresh, blocks)
  for (const { path } of ops) await cover(next, path, recorder)
  // Several operations side by side may need nodes that no covering proof of the final tree has:
  // invert them, and send what was read.
  let inverted = MST.load(recorder, data)
  for (const { action, path, prev } of ops.toReversed()) {
    if (action === 'create' || prev === null) inverted = await without(inverted, path)
    else inverted = action === 'update' ? await inverted.update(path, prev) : await inverted.add(path, prev)
  }
  const [before, after] = [await tree.getPointer(), await inverted.getPointer()]
  if (!before.equals(after)) throw new Error(`inverting the operations gives ${after}, not ${before}`)
  // The diff also lists the records that are gone; which of those may go, `Repo` knows.
  const leaves = new Set(ops.flatMap(({ prev }) => (prev ? [cidKey(prev)] : [])))
  const droppedNodes = diff.removedCids.toList().filter((cid) => !leaves.has(cidKey(cid)))
  return { tree: next, data, newNodes: fresh.entries(), droppedNodes, proof: [...recorder.seen.values()] }
}

/** Signs a commit over a tree. */
export const signCommit = async (
  signer: CommitSigner,
  fields: { did: string; rev: string; data: Cid },
): Promise<Block> => {
  const unsigned = { did: fields.did, version: 3, data: fields.data, rev: fields.rev, prev: null }
  const bytes = encode({ ...unsigned, sig: await signer.sign(encode(unsigned)) })
  return { cid: cborCid(bytes), bytes }
}

/** A CAR of a few blocks, in memory. */
export const carOf = (root: Cid | null, blocks: Iterable<Block>): Uint8Array => {
  const parts = [carHeader(root)]
  for (const { cid, bytes } of blocks) parts.push(carSection(cid, bytes))
  return new Uint8Array(Buffer.concat(parts))
}
