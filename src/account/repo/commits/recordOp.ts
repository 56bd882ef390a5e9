import type { Cid } from '@atproto/lex-data'
import { cidKey } from '../../../repo/cid.ts'
import { type BlobReference, blobRefs, scanBlobRefs } from '../../../repo/blobRefs.ts'
import { recordValue } from '../records.ts'

/** What a commit does to one record, checked against the tree before it. */
export interface RecordOp {
  action: 'create' | 'update' | 'delete'
  path: string
  /** Null on delete. */
  cid: Cid | null
  /** The record's block; absent on delete. */
  bytes?: Uint8Array
  /** What the path held before. */
  prev: Cid | null
}

/** The same, with the blobs (as the text of their CIDs) that the record refers to only after it, and only before it. */
export interface RecordOpWithBlobs extends RecordOp {
  addedBlobs: string[]
  removedBlobs: string[]
}

/** The blobs that a stored record refers to. */
export const blobRefsOf = (bytes: Uint8Array | undefined): BlobReference[] => {
  if (!bytes) return []
  const value = recordValue(bytes)
  return value ? blobRefs(value) : scanBlobRefs(bytes)
}

/** The CIDs of these blobs, each once. */
export const cidsOf = (refs: readonly BlobReference[]): string[] => [
  ...new Set(refs.map(({ cid }) => cid.toString())),
]

/** How the blobs differ, given those that the record referred to before and refers to now. */
export const blobChanges = (
  before: readonly string[],
  after: readonly string[],
): Pick<RecordOpWithBlobs, 'addedBlobs' | 'removedBlobs'> => ({
  addedBlobs: after.filter((blob) => !before.includes(blob)),
  removedBlobs: before.filter((blob) => !after.includes(blob)),
})

/**
 * By how much each record's number of paths changes: several paths may hold the same record. `bytes` is given where a
 * path holds the record now.
 */
export const pathDeltas = (
  ops: readonly RecordOp[],
): Iterable<{ cid: Cid; bytes?: Uint8Array; delta: number }> => {
  const deltas = new Map<string, { cid: Cid; bytes?: Uint8Array; delta: number }>()
  const count = (cid: Cid, by: number): { bytes?: Uint8Array } => {
    const entry = deltas.get(cidKey(cid)) ?? { cid, delta: 0 }
    entry.delta += by
    deltas.set(cidKey(cid), entry)
    return entry
  }
  for (const { cid, bytes, prev } of ops) {
    if (cid && bytes) count(cid, 1).bytes = bytes
    if (prev) count(prev, -1)
  }
  return deltas.values()
}
