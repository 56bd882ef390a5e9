import { sha256 as smallSha256 } from '@noble/hashes/sha2.js'
import { createHash } from 'node:crypto'

/** sha-256, synchronous. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array

// node:crypto makes a native object for each hash, which stays until the next collection of garbage: over a
// repository's blocks, hundreds of megabytes. For small blocks JavaScript takes no longer, and far less memory.
const SMALL = 1024

export const sha256: Sha256 = (bytes) =>
  bytes.length <= SMALL ? smallSha256(bytes) : createHash('sha256').update(bytes).digest()

/** Whether the digest inside a sha-256 CID is this one. */
export const sameDigest = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
