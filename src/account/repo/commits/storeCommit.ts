import type { Cid } from '@atproto/lex-data'
import { fault } from '../../../fault.ts'
import type { Platform } from '../../../platform.ts'
import type { Blobs } from '../../blobs/blobs.ts'
import type { Blocks } from '../../blocks/blocks.ts'
import type { Block } from '../../../repo/block.ts'
import { pathDeltas, type RecordOpWithBlobs } from './recordOp.ts'

/** How a commit differs from the one before it. */
export interface CommitContents {
  rev: string
  /** The commit itself, and the nodes that are new. The records come from `ops`. */
  addedNodes: readonly Block[]
  /** The commit before it, and the nodes that are gone. */
  droppedNodes: readonly Cid[]
  ops: readonly RecordOpWithBlobs[]
}

export interface StoreCommitDeps {
  blocks: Blocks
  blobs: Blobs
  platform: Pick<Platform, 'now'>
}

/** Writes the blocks and blob references of a commit, inside its transaction; returns how the counts change. */
export const storeCommit = (
  { blocks, blobs, platform }: StoreCommitDeps,
  { rev, ops, addedNodes, droppedNodes }: CommitContents,
): { blocks: number; records: number } => {
  const now = platform.now()
  const added = [...addedNodes]
  const dropped = [...droppedNodes]
  for (const { cid, bytes, delta } of pathDeltas(ops)) {
    const before = blocks.pathCount(cid)
    const after = before + delta
    if (before === 0 && after > 0 && bytes) added.push({ cid, bytes })
    if (before > 0 && after === 0) dropped.push(cid)
    // Only records that several paths hold have their paths counted.
    if (before > 1 || after > 1) blocks.setPathCount(cid, after, now)
  }
  blocks.append(rev, now, added, dropped)
  fault('commit.afterBlocks')
  let records = 0
  for (const { path, cid, prev, addedBlobs, removedBlobs } of ops) {
    records += (cid ? 1 : 0) - (prev ? 1 : 0)
    for (const blob of removedBlobs) blobs.removeReference(path, blob, now)
    for (const blob of addedBlobs) blobs.addReference(path, blob, rev)
  }
  fault('commit.afterRecords')
  return { blocks: added.length - dropped.length, records }
}
