import type { Block } from '../../../repo/block.ts'
import { cidKey } from '../../../repo/cid.ts'
import { error } from '../../../xrpc/errors.ts'
import { carOf } from '../carOf.ts'
import type { NextTree } from './nextTree.ts'
import type { RecordOp } from './recordOp.ts'
import type { EventFields } from '../../events/messages.ts'
import type { Head } from '../../db/head.ts'

/** A commit that is signed and not yet written. */
export interface SignedCommit {
  ops: readonly RecordOp[]
  next: NextTree
  commit: Block
  rev: string
}

/** The firehose allows 2 MB of blocks; SQLite allows 2 MB for the row, which has the operations too. */
const MAX_EVENT_BYTES = 1_950_000
/** What an operation takes besides its path: two CIDs, the action and the field names. */
const OP_BYTES = 140

/** The body of `#commit`. A commit that is too large is refused here, before anything is written. */
export const commitEvent = (
  previous: Head,
  { ops, next, commit, rev }: SignedCommit,
): EventFields<'commit'> => {
  const blocks = new Map<string, Block>()
  for (const block of [commit, ...next.newNodes, ...next.proof]) blocks.set(cidKey(block.cid), block)
  for (const { cid, bytes } of ops) if (cid && bytes) blocks.set(cidKey(cid), { cid, bytes })
  const car = carOf(commit.cid, blocks.values())
  const size = ops.reduce((sum, { path }) => sum + path.length + OP_BYTES, car.length)
  if (size > MAX_EVENT_BYTES) {
    throw error(
      'InvalidRequest',
      `one commit of ${size} bytes, at most ${MAX_EVENT_BYTES} are taken: write less at once`,
    )
  }
  return {
    rebase: false,
    tooBig: false,
    commit: commit.cid,
    rev,
    since: previous.rev,
    blocks: car,
    ops: ops.map(({ action, path, cid, prev }) =>
      prev ? { action, path, cid, prev } : { action, path, cid },
    ),
    blobs: [],
    prevData: previous.data,
  }
}
