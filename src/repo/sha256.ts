import { sha256 as smallSha256 } from '@noble/hashes/sha2.js'
import { createHash } from 'node:crypto'

/** A synchronous sha-256. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array

// node:crypto makes a native object for each hash, which stays until the next garbage collection: over a
// repository's blocks, hundreds of megabytes. Up to this size JavaScript takes no longer, and far less memory.
const SMALL_BLOCK_BYTES = 1024

/** sha-256 of a block of any size. */
export const sha256: Sha256 = (bytes) =>
  bytes.length <= SMALL_BLOCK_BYTES ? smallSha256(bytes) : createHash('sha256').update(bytes).digest()

/** Whether two digests are the same. */
export const sameDigest = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
