import type { Cid } from '@atproto/lex-data'
import type { Block } from '../block.ts'
import { cborCid } from '../cid.ts'
import { encodeNode } from './encodeNode.ts'
import { keyLayer } from './treeNode.ts'

/** A record of a tree that is to be built. */
export interface TreeRecord {
  /** `collection/rkey`. */
  readonly key: string
  readonly value: Cid
}

/** Builds the whole tree of these records at once. Its nodes are in the order of an export; the first is the root. */
export const buildTree = (records: readonly TreeRecord[]): readonly [Block, ...Block[]] => {
  const keyed = records
    .map((record) => ({ ...record, layer: keyLayer(record.key) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))

  /** The node of a layer with these records, all of which are on this layer or below, and the nodes under it. */
  const node = (within: typeof keyed, layer: number): readonly [Block, ...Block[]] => {
    const below: Block[][] = []
    const subtree = (start: number, end: number): Cid | null => {
      if (start === end) return null
      const blocks = node(within.slice(start, end), layer - 1)
      below.push([...blocks])
      return blocks[0].cid
    }
    const own = within.flatMap((record, at) => (record.layer === layer ? [{ ...record, at }] : []))
    const left = subtree(0, own[0]?.at ?? within.length)
    const entries = own.map(({ key, value, at }, i) => ({
      key,
      value,
      right: subtree(at + 1, own[i + 1]?.at ?? within.length),
    }))
    const bytes = encodeNode({ left, entries })
    return [{ cid: cborCid(bytes), bytes }, ...below.flat()]
  }
  return node(keyed, Math.max(0, ...keyed.map(({ layer }) => layer)))
}
