import type { Cid } from '@atproto/lex-data'
import { DataDiff, MST, type NodeEntry, ReadableBlockstore, type BlockMap } from '@atproto/repo'
import type { Block } from '../../../repo/block.ts'
import { cidKey } from '../../../repo/cid.ts'
import type { Blocks } from '../../blocks/blocks.ts'
import type { RecordOp } from './recordOp.ts'

/** The next tree, and how it differs from the current one. */
export interface NextTree {
  tree: MST
  data: Cid
  newNodes: Block[]
  droppedNodes: Cid[]
  /** The nodes that a consumer needs to check the operations and to invert them. */
  proof: Block[]
}

/** Reads nodes from those about to be written, otherwise from the store, and remembers which were read. */
class RecordingBlockstore extends ReadableBlockstore {
  readonly seen = new Map<string, Block>()
  readonly #newNodes: BlockMap
  readonly #blocks: Blocks

  constructor(newNodes: BlockMap, blocks: Blocks) {
    super()
    this.#newNodes = newNodes
    this.#blocks = blocks
  }

  override async getBytes(cid: Cid): Promise<Uint8Array | null> {
    const key = cidKey(cid)
    const seen = this.seen.get(key)
    if (seen) return seen.bytes
    const bytes = this.#newNodes.get(cid) ?? this.#blocks.read(cid)
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

/** The neighbour on the left of a path, the path itself, the neighbour on the right. */
const SIDES = [-1, 0, 1] as const

/**
 * Reads the nodes that `MST.getCoveringProof` returns, but does not encode and hash every node on the way again: that took
 * most of the time of a large commit.
 */
const readCoveringProof = async (root: MST, path: string, recorder: RecordingBlockstore): Promise<void> => {
  for (const side of SIDES) {
    for (let node: MST | undefined = root; node;) {
      await recorder.getBytes(await node.getPointer())
      const entries: NodeEntry[] = await node.getEntries()
      const index: number = await node.findGtOrEqualLeafIndex(path)
      const entry: NodeEntry | undefined = entries[index]
      const found: boolean = entry?.isLeaf() === true && entry.key === path
      if (found && side === 0) break
      const next: NodeEntry | undefined = found && side === 1 ? entries[index + 1] : entries[index - 1]
      node = next?.isTree() ? next : undefined
    }
  }
}

/**
 * Removes a key. When the library's tree is empty, it still remembers the layer of its last key and would put the next
 * key below a root without keys, which is not a valid tree: so a new empty tree is made.
 */
const without = async (tree: MST, path: string): Promise<MST> => {
  const next = await tree.delete(path)
  return (await next.getEntries()).length > 0 ? next : MST.create(next.storage)
}

/** Applies the operations to the tree. Nothing is written. */
export const nextTree = async (tree: MST, ops: readonly RecordOp[], blocks: Blocks): Promise<NextTree> => {
  let next = tree
  for (const { action, path, cid } of ops) {
    if (action === 'delete' || cid === null) next = await without(next, path)
    else next = action === 'create' ? await next.add(path, cid) : await next.update(path, cid)
  }
  const data = await next.getPointer()
  const diff = await DataDiff.of(next, tree)
  const newNodes = diff.newMstBlocks

  // The covering proof of each path: the nodes down to it and to its neighbours on both sides.
  const recorder = new RecordingBlockstore(newNodes, blocks)
  for (const { path } of ops) await readCoveringProof(next, path, recorder)
  // To invert several operations next to each other, a consumer may need nodes that no covering proof of the final tree
  // has: we invert them too, and the nodes that were read for it are part of the proof.
  let inverted = MST.load(recorder, data)
  for (const { action, path, prev } of ops.toReversed()) {
    if (action === 'create' || prev === null) inverted = await without(inverted, path)
    else inverted = action === 'update' ? await inverted.update(path, prev) : await inverted.add(path, prev)
  }
  const [before, after] = [await tree.getPointer(), await inverted.getPointer()]
  if (!before.equals(after)) throw new Error(`inverting the operations gives ${after}, not ${before}`)
  // The diff also lists the records that are gone; `storeCommit` decides which of those are dropped.
  const leaves = new Set(ops.flatMap(({ prev }) => (prev ? [cidKey(prev)] : [])))
  const droppedNodes = diff.removedCids.toList().filter((cid) => !leaves.has(cidKey(cid)))
  return { tree: next, data, newNodes: newNodes.entries(), droppedNodes, proof: [...recorder.seen.values()] }
}
