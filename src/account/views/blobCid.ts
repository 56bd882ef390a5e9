import { isObject } from '../../isObject.ts'

/** The CID of a blob reference in a record's JSON, also of the old form `{cid, mimeType}`. */
export const blobCid = (blob: unknown): string | undefined => {
  if (!isObject(blob)) return undefined
  const cid = isObject(blob.ref) ? blob.ref.$link : blob.cid
  return typeof cid === 'string' ? cid : undefined
}
