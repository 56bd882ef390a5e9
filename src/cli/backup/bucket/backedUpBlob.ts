import { isBlobCid, isMimeType } from '../../../archive/stateFiles.ts'
import { parseJsonObject } from '../../../parseJsonObject.ts'

/** A line of a bucket's list of blobs. */
export interface BackedUpBlob {
  cid: string
  size: number
  mimeType: string
  /** Of its object. */
  key: string
}

/** Reads such a line; undefined if it is not one. A type that could not be sent as a header is replaced by the general one. */
export const parseBackedUpBlob = (line: string): BackedUpBlob | undefined => {
  const { cid, size, mimeType, key } = parseJsonObject(line)
  if (!isBlobCid(cid) || typeof key !== 'string' || !Number.isSafeInteger(size) || Number(size) < 0)
    return undefined
  return {
    cid,
    size: Number(size),
    mimeType: isMimeType(mimeType) ? mimeType : 'application/octet-stream',
    key,
  }
}
