import type { Cid } from '@atproto/lex-data'
import { sameDigest, sha256 } from '../../repo/sha256.ts'
import { type Due, missingBlock, TreeWalk, WalkError } from '../../repo/tree/treeWalk.ts'

/** What of a tree was verified in one go. */
export interface VerifiedSlice {
  records: number
  /** Of the blocks that were read. */
  bytes: number
  /** The last path that was verified: the next slice begins after it. Undefined at the end of the tree. */
  next: string | undefined
}

export interface SliceLimits {
  blocks: number
  bytes: number
}

/** Whether everything below is at or before this path. */
const isBefore = (due: Due, after: string): boolean =>
  due.kind === 'record' ? due.key <= after : due.upper !== undefined && due.upper <= after

/**
 * Verifies the part of a tree that comes after a path: every hash, and every rule of the tree. Throws `WalkError`. A tree
 * that changes between two slices is verified as it is then: the nodes above each part are verified with it.
 */
export const verifySlice = (
  root: Cid,
  read: (cid: Cid) => Uint8Array | undefined,
  { after, limits }: { after: string; limits: SliceLimits },
): VerifiedSlice => {
  const tree = new TreeWalk(root)
  let [blocks, bytes, records] = [0, 0, 0]
  let last: string | undefined
  for (let due = tree.due; due; due = tree.due) {
    if (isBefore(due, after)) {
      tree.skip()
      continue
    }
    // Only after a record: a slice that ends before its first would be asked for again and again.
    if (last !== undefined && (blocks >= limits.blocks || bytes >= limits.bytes))
      return { records, bytes, next: last }
    const { cid } = due.link
    const block = read(cid)
    if (!block) throw missingBlock(due)
    if (!sameDigest(sha256(block), cid.multihash.digest))
      throw new WalkError('HashMismatch', `the bytes of ${cid} have another hash`, cid)
    blocks++
    bytes += block.length
    if (due.kind === 'record') {
      records++
      last = due.key
    }
    tree.take(block)
  }
  return { records, bytes, next: undefined }
}
