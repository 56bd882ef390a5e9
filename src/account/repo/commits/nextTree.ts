import type { Cid } from '@atproto/lex-data'
import { MST, type NodeEntry } from '@atproto/repo'
import type { Block } from '../../../repo/block.ts'
import { cidKey } from '../../../repo/cid.ts'
import type { Blocks } from '../../blocks/blocks.ts'
import { NodeStore } from './nodeStore.ts'
import type { RecordOp } from './recordOp.ts'
import { nodesLeft, sealTree } from './sealTree.ts'

/** The next tree, and how it differs from the current one. */
export interface NextTree {
  tree: MST
  data: Cid
  newNodes: Block[]
  droppedNodes: Cid[]
  /** The nodes that a consumer needs to check the operations and to invert them. */
  proof: Block[]
}

/** The neighbour on the left of a path, the path itself, the neighbour on the right. */
const SIDES = [-1, 0, 1] as const

/**
 * Reads the nodes that `MST.getCoveringProof` returns, but does not encode and hash every node on the way again: that took
 * most of the time of a large commit.
 */
const readCoveringProof = async (root: MST, path: string, read: (cid: Cid) => unknown): Promise<void> => {
  for (const side of SIDES) {
    for (let node: MST | undefined = root; node;) {
      read(node.pointer)
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
  if ((await next.getEntries()).length > 0) return next
  const empty = await MST.create(next.storage)
  // Its node is new, too.
  empty.outdatedPointer = true
  return empty
}

const keysOf = (cids: readonly Cid[]): Set<string> => new Set(cids.map(cidKey))

/** Applies the operations to the tree. Nothing is written. */
export const nextTree = async (
  tree: MST,
  ops: readonly RecordOp[],
  blocks: Pick<Blocks, 'read'>,
): Promise<NextTree> => {
  let next = tree
  for (const { action, path, cid } of ops) {
    if (action === 'delete' || cid === null) next = await without(next, path)
    else next = action === 'create' ? await next.add(path, cid) : await next.update(path, cid)
  }
  const { data, sealed, kept } = sealTree(next)
  const left = await nodesLeft(tree, kept)
  // Operations may come to a node that was there before.
  const [made, gone] = [keysOf(sealed.map(({ cid }) => cid)), keysOf(left)]
  const newNodes = sealed.filter(({ cid }) => !gone.has(cidKey(cid)))
  const droppedNodes = left.filter((cid) => !made.has(cidKey(cid)))

  // The covering proof of each path: the nodes down to it and to its neighbours on both sides.
  const unwritten = new Map(newNodes.map((block) => [cidKey(block.cid), block]))
  const proof = new Map<string, Block>()
  const read = (cid: Cid): Uint8Array | undefined => {
    const key = cidKey(cid)
    const bytes = (proof.get(key) ?? unwritten.get(key))?.bytes ?? blocks.read(cid)
    if (bytes && !proof.has(key)) proof.set(key, { cid, bytes })
    return bytes
  }
  for (const { path } of ops) await readCoveringProof(next, path, read)
  // To invert several operations next to each other, a consumer may need nodes that no covering proof of the final tree
  // has: we invert them too, and the nodes that were read for it are part of the proof.
  let inverted = MST.load(new NodeStore(read), data)
  for (const { action, path, prev } of ops.toReversed()) {
    if (action === 'create' || prev === null) inverted = await without(inverted, path)
    else inverted = action === 'update' ? await inverted.update(path, prev) : await inverted.add(path, prev)
  }
  const { data: after } = sealTree(inverted)
  if (!tree.pointer.equals(after))
    throw new Error(`inverting the operations gives ${after}, not ${tree.pointer}`)
  return { tree: next, data, newNodes, droppedNodes, proof: [...proof.values()] }
}
