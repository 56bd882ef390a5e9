import type { Cid } from '@atproto/lex-data'
import type { MST } from '@atproto/repo'
import type { Block } from '../../../repo/block.ts'
import { cborCid, cidKey } from '../../../repo/cid.ts'
import { encodeNode } from '../../../repo/tree/encodeNode.ts'

const subtreesOf = (node: MST): MST[] => node.entries?.filter((entry) => entry.isTree()) ?? []

const encode = ({ entries }: MST): Uint8Array => {
  const items = entries ?? []
  /** The subtree at this place; entries alternate with subtrees, which may be missing. */
  const subtreeAt = (at: number): Cid | null => {
    const item = items[at]
    return item?.isTree() ? item.pointer : null
  }
  return encodeNode({
    left: subtreeAt(0),
    entries: items.flatMap((item, at) =>
      item.isLeaf() ? [{ key: item.key, value: item.value, right: subtreeAt(at + 1) }] : [],
    ),
  })
}

/**
 * Gives each changed node of a tree its CID, and returns the root, the changed nodes with parents first, and
 * the subtrees directly below them that did not change.
 */
export const sealTree = (root: MST): { data: Cid; sealed: Block[]; kept: Set<string> } => {
  const changed: MST[] = []
  const kept = new Set<string>()
  const collect = (node: MST): void => {
    if (!node.outdatedPointer) return void kept.add(cidKey(node.pointer))
    changed.push(node)
    for (const subtree of subtreesOf(node)) collect(subtree)
  }
  collect(root)
  // Children come after their parents, so that from the end on every link is known.
  const sealed = changed.toReversed().map((node): Block => {
    const bytes = encode(node)
    node.pointer = cborCid(bytes)
    node.outdatedPointer = false
    return { cid: node.pointer, bytes }
  })
  return { data: root.pointer, sealed: sealed.toReversed(), kept }
}

/** The nodes of a tree that are not in its successor, of which `kept` are the subtrees that did not change. */
export const nodesLeft = async (tree: MST, kept: ReadonlySet<string>): Promise<Cid[]> => {
  const left: Cid[] = []
  const visit = async (node: MST): Promise<void> => {
    if (kept.has(cidKey(node.pointer))) return
    left.push(node.pointer)
    await node.getEntries()
    for (const subtree of subtreesOf(node)) await visit(subtree)
  }
  await visit(tree)
  return left
}
