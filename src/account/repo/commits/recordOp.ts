import type { Cid } from '@atproto/lex-data'
import { cidKey } from '../../../repo/cid.ts'
import { blobRefs } from '../../../repo/blobRefs.ts'
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

/** The CIDs of the blobs that a stored record refers to. */
export const blobCidsOf = (bytes: Uint8Array | undefined): string[] =>
  bytes ? blobRefs(recordValue(bytes)).map((blob) => blob.cid.toString()) : []

/** How the blobs differ, given those that the record referred to before and refers to now. */
export const blobChanges = (
  before: readonly string[],
  after: readonly string[],
): Pick<RecordOpWithBlobs, 'addedBlobs' | 'removedBlobs'> => ({
  addedBlobs: after.filter((blob) => !before.includes(blob)),
  removedBlobs: before.filter((blob) => !after.includes(blob)),
})

/** Each record that the operations add or remove, and by how many paths: another path may hold the same record. */
export const pathDeltas = (
  ops: readonly RecordOp[],
): Iterable<{ cid: Cid; bytes?: Uint8Array; paths: number }> => {
  const counts = new Map<string, { cid: Cid; bytes?: Uint8Array; paths: number }>()
  const count = (cid: Cid, by: number): { bytes?: Uint8Array } => {
    const entry = counts.get(cidKey(cid)) ?? { cid, paths: 0 }
    entry.paths += by
    counts.set(cidKey(cid), entry)
    return entry
  }
  for (const { cid, bytes, prev } of ops) {
    if (cid && bytes) count(cid, 1).bytes = bytes
    if (prev) count(prev, -1)
  }
  return counts.values()
}
