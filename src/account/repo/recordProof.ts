import type { Cid } from '@atproto/lex-data'
import type { Block } from '../../repo/block.ts'
import { readNode } from '../../repo/treeNode.ts'
import { carOf } from './commit.ts'
import type { Head } from '../db/accountRow.ts'

/** The commit, the nodes down to the path, and the record; without the record, that there is none. */
export const recordProof = (head: Head, path: string, read: (cid: Cid) => Uint8Array): Uint8Array => {
  const proof: Block[] = [{ cid: head.root, bytes: read(head.root) }]
  for (let cid: Cid | null = head.data; cid;) {
    const block = read(cid)
    proof.push({ cid, bytes: block })
    const { left, entries } = readNode(block)
    const after = entries.findIndex((entry) => entry.key >= path)
    const found = entries[after]
    if (found?.key === path) {
      const { cid: record } = found.value
      proof.push({ cid: record, bytes: read(record) })
      break
    }
    const before = after < 0 ? entries.at(-1) : entries[after - 1]
    cid = (before ? before.right : left)?.cid ?? null
  }
  return carOf(head.root, proof)
}
