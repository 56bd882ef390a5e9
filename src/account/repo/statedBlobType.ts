import type { Blobs } from '../blobs/blobs.ts'
import { blobRefsOf } from './commits/recordOp.ts'
import { splitPath } from './recordPath.ts'
import type { Records } from './records.ts'

/** What a record that refers to a blob says of its type; undefined where no record does. */
export const statedBlobType =
  ({ blobs, records }: { blobs: Pick<Blobs, 'referrer'>; records: Pick<Records, 'get'> }) =>
  (cid: string): string | undefined => {
    const path = blobs.referrer(cid)
    if (path === undefined) return undefined
    const { collection, rkey } = splitPath(path)
    const refs = blobRefsOf(records.get(collection, rkey)?.bytes)
    return refs.find((ref) => ref.cid.toString() === cid)?.mimeType
  }
