import type { Cid } from '@atproto/lex-data'
import { fault } from '../../fault.ts'
import type { Platform } from '../../platform.ts'
import type { Blobs } from '../blobs/blobs.ts'
import type { Blocks } from '../blocks/blocks.ts'
import type { Block } from '../../repo/block.ts'
import { recordChanges, type Resolved } from './writes.ts'

/** What tells a tree from the one before it. */
export interface TreeChange {
  rev: string
  /** The commit, and the nodes that came. */
  added: readonly Block[]
  /** The commit and the nodes that went. */
  dropped: readonly Cid[]
  ops: readonly Resolved[]
}

/** Writes the blocks and blob references of a change, inside its transaction; answers how the counts change. */
export const storeChange = (
  { blocks, blobs, platform }: { blocks: Blocks; blobs: Blobs; platform: Pick<Platform, 'now'> },
  { rev, ops, ...change }: TreeChange,
): { blocks: number; records: number } => {
  const now = platform.now()
  const added = [...change.added]
  const dropped = [...change.dropped]
  for (const { cid, bytes, paths } of recordChanges(ops)) {
    const before = blocks.paths(cid)
    const after = before + paths
    if (before === 0 && after > 0 && bytes) added.push({ cid, bytes })
    if (before > 0 && after === 0) dropped.push(cid)
    if (before > 1 || after > 1) blocks.setPaths(cid, after, now)
  }
  blocks.append(rev, now, added, dropped)
  fault('commit.afterBlocks')
  let records = 0
  for (const { path, cid, prev, ...refs } of ops) {
    records += (cid ? 1 : 0) - (prev ? 1 : 0)
    for (const blob of refs.removed) blobs.unrefer(path, blob, now)
    for (const blob of refs.added) blobs.refer(path, blob, rev)
  }
  fault('commit.afterRecords')
  return { blocks: added.length - dropped.length, records }
}
