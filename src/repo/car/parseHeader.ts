import type { Cid } from '@atproto/lex-data'
import { CborError, decodeBlock } from '../cbor.ts'
import { CarError } from './carError.ts'

/** The roots that a CAR's header names. Throws CarError unless it is a header of version 1. */
export const parseHeader = (bytes: Uint8Array): Cid[] => {
  let header
  try {
    header = decodeBlock(bytes, { depth: 2 })
  } catch (cause) {
    if (cause instanceof CborError) throw new CarError('BadHeader', `the CAR's header: ${cause.message}`)
    throw cause
  }
  if (header === null || typeof header !== 'object' || !('version' in header) || !('roots' in header)) {
    throw new CarError('BadHeader', "the CAR's header is not a map of roots and version")
  }
  // Unknown fields mean nothing for the blocks.
  const { version, roots } = header
  if (version !== 1) throw new CarError('BadHeader', 'only version 1 of CAR is read')
  if (!Array.isArray(roots)) throw new CarError('BadHeader', "the CAR's roots are not a list")
  // The CID inside a CBOR link has been checked already; anything else in the list is not a link.
  return roots.map((root) => {
    if (root !== null && typeof root === 'object' && 'multihash' in root && 'bytes' in root)
      return root as Cid
    throw new CarError('BadHeader', 'a root that is not a link')
  })
}
