import type { Cid } from '@atproto/lex-data'
import type { Block } from '../../../repo/block.ts'
import { parseNodeUnchecked } from '../../../repo/tree/treeNode.ts'
import { findRecord } from '../../../repo/tree/treeSearch.ts'
import { carOf } from '../carOf.ts'
import type { Head } from '../../db/head.ts'

/**
 * A CAR that proves what a path holds: the commit, the nodes down to the path, and the record; without the record, it
 * proves that there is none.
 */
export const recordProof = (head: Head, path: string, read: (cid: Cid) => Uint8Array): Uint8Array => {
  const proof: Block[] = []
  const add = (cid: Cid): Uint8Array => {
    const bytes = read(cid)
    proof.push({ cid, bytes })
    return bytes
  }
  add(head.root)
  const record = findRecord(head.data, path, (cid) => parseNodeUnchecked(add(cid)))
  if (record) add(record)
  return carOf(head.root, proof)
}
