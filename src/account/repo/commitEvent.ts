import type { Block } from '../../repo/block.ts'
import { cidKey } from '../../repo/cid.ts'
import { error } from '../../xrpc/errors.ts'
import { carOf, type NextTree } from './commit.ts'
import type { EventFields } from '../events/frames.ts'
import type { Head } from '../db/accountRow.ts'
import type { Resolved } from './writes.ts'

/** A commit that is signed and not yet written. */
export interface SignedChange {
  ops: readonly Resolved[]
  next: NextTree
  commit: Block
  rev: string
}

// The firehose allows 2 MB of blocks, and SQLite a row of 2 MB that holds the operations too.
const MAX_EVENT = 1_950_000
// An operation's two CIDs, action and field names, beside its path.
const OP_SIZE = 140

/** The body of `#commit`, refused while nothing has been written if it is too large. */
export const commitEvent = (head: Head, { ops, next, commit, rev }: SignedChange): EventFields<'commit'> => {
  const blocks = new Map<string, Block>()
  for (const block of [commit, ...next.newNodes, ...next.proof]) blocks.set(cidKey(block.cid), block)
  for (const { cid, bytes } of ops) if (cid && bytes) blocks.set(cidKey(cid), { cid, bytes })
  const car = carOf(commit.cid, blocks.values())
  const size = ops.reduce((sum, { path }) => sum + path.length + OP_SIZE, car.length)
  if (size > MAX_EVENT) {
    throw error(
      'InvalidRequest',
      `one commit of ${size} bytes, at most ${MAX_EVENT} are taken: write less at once`,
    )
  }
  return {
    rebase: false,
    tooBig: false,
    commit: commit.cid,
    rev,
    since: head.rev,
    blocks: car,
    ops: ops.map(({ action, path, cid, prev }) =>
      prev ? { action, path, cid, prev } : { action, path, cid },
    ),
    blobs: [],
    prevData: head.data,
  }
}
