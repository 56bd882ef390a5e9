import { createHash } from 'node:crypto'

/**
 * sha-256, synchronous. node:crypto is there in Node and in workerd and twenty times faster than a
 * hash in JavaScript; whoever runs these modules elsewhere passes his own.
 */
export type Sha256 = (bytes: Uint8Array) => Uint8Array

export const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest()

/** Whether the digest inside a sha-256 CID is this one. */
export const sameDigest = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
