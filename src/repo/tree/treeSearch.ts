import type { Cid } from '@atproto/lex-data'
import { Link } from '../cid.ts'
import type { NodeEntry, TreeNode } from './treeNode.ts'

/** Reads a node of a tree that was verified before it was stored. */
export type ReadNode = (cid: Cid) => TreeNode

/** A record of a tree. */
export interface TreeRecord {
  /** `collection/rkey`. */
  readonly path: string
  readonly cid: Cid
}

/** How many entries of a node come before a position in the tree: those whose keys `isBefore` accepts. */
const countBefore = ({ entries }: TreeNode, isBefore: (key: string) => boolean): number => {
  const index = entries.findIndex(({ key }) => !isBefore(key))
  return index < 0 ? entries.length : index
}

/** The subtree before the entry of this index, and after the one before. */
const subtreeBefore = ({ left, entries }: TreeNode, index: number): Link | null =>
  (index > 0 ? entries[index - 1]?.right : left) ?? null

/** The record of this path. The nodes from the root down to it, or to where it would be, are read in order. */
export const findRecord = (root: Cid, path: string, readNode: ReadNode): Cid | undefined => {
  for (let cid: Cid | undefined = root; cid;) {
    const node = readNode(cid)
    const index = countBefore(node, (key) => key < path)
    const entry = node.entries[index]
    if (entry?.key === path) return entry.value.cid
    cid = subtreeBefore(node, index)?.cid
  }
  return undefined
}

/** The records after `path`, in ascending order. */
export const recordsAfter = (root: Cid, path: string, readNode: ReadNode): Generator<TreeRecord> =>
  recordsFrom(root, readNode, (key) => key <= path, 'up')

/** The records before `path`, in descending order. */
export const recordsBefore = (root: Cid, path: string, readNode: ReadNode): Generator<TreeRecord> =>
  recordsFrom(root, readNode, (key) => key < path, 'down')

/**
 * The records from a position on. Whole trees are not walked with this where speed matters: `TreeWalk` verifies each
 * step, and `StoredTreeWalk` (of account/blocks) only reads where the links of a node are.
 */
function* recordsFrom(
  root: Cid,
  readNode: ReadNode,
  isBefore: (key: string) => boolean,
  direction: 'up' | 'down',
): Generator<TreeRecord> {
  const isUp = direction === 'up'
  /** What is still to come: the next is on top. */
  const stack: (Link | NodeEntry)[] = []
  const push = (item: Link | NodeEntry | null | undefined): void => {
    if (item) stack.push(item)
  }
  /** Goes down to a position, and puts all that comes after it onto the stack, the last first. */
  const descend = (from: Cid, isBefore: (key: string) => boolean): void => {
    for (let cid: Cid | undefined = from; cid;) {
      const node = readNode(cid)
      const { entries } = node
      const index = countBefore(node, isBefore)
      if (isUp)
        for (let i = entries.length; i > index; i--) {
          push(subtreeBefore(node, i))
          push(entries[i - 1])
        }
      else
        for (let i = 0; i < index; i++) {
          push(subtreeBefore(node, i))
          push(entries[i])
        }
      cid = subtreeBefore(node, index)?.cid
    }
  }
  descend(root, isBefore)
  for (let next = stack.pop(); next; next = stack.pop()) {
    // Of a subtree that is reached later, all entries come after the position.
    if (next instanceof Link) descend(next.cid, () => !isUp)
    else yield { path: next.key, cid: next.value.cid }
  }
}
