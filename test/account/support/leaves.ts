/** Leaves of a tree: for records that are nodes as well. */
import type { Block } from '../../../src/repo/block.ts'
import { parseNodeUnchecked } from '../../../src/repo/tree/treeNode.ts'
import type { Repository } from './repository.ts'

/** A leaf of the tree that this change leaves as it is. */
export const leafAt = async (repository: Repository, to: string): Promise<Block> => {
  const before = new Map(repository.records)
  const { blocks } = await repository.sign(1)
  for (const leaf of blocks.slice(2)) {
    if (!isLeaf(leaf.bytes)) continue
    repository.records.set(to, leaf.cid)
    const after = await repository.sign(1)
    // Now it stands there twice, or its own path goes through it.
    const links = after.blocks.filter(({ bytes }) => isNode(bytes)).flatMap(linksOf)
    if (links.filter((link) => link === leaf.cid.toString()).length === 2) return leaf
    repository.records.clear()
    for (const [key, cid] of before) repository.records.set(key, cid)
  }
  throw new Error('no leaf')
}

const nodeOf = (bytes: Uint8Array) => {
  try {
    return parseNodeUnchecked(bytes)
  } catch {
    return undefined
  }
}
const isNode = (bytes: Uint8Array): boolean => nodeOf(bytes) !== undefined
const isLeaf = (bytes: Uint8Array): boolean => {
  const node = nodeOf(bytes)
  return (
    node !== undefined && !node.left && node.entries.length > 1 && node.entries.every(({ right }) => !right)
  )
}
const linksOf = ({ bytes }: Block): string[] => {
  const { left, entries } = nodeOf(bytes) ?? { left: null, entries: [] }
  return [left, ...entries.flatMap(({ value, right }) => [value, right])].flatMap((link) =>
    link ? [link.toString()] : [],
  )
}
