import { CID_LENGTH } from '../../../repo/cidBytes.ts'

/** Bytes of a revision, a TID. */
const REV_BYTES = 13

/** Bytes of a lifetime: the CID, the revision with which the block was added, and the one with which it was removed. */
export const LIFETIME_BYTES = CID_LENGTH + 2 * REV_BYTES

/** When a block was in the tree: from the revision `from` on, and no longer at `until`. */
export interface BlockLifetime {
  cid: Uint8Array
  from: string
  until: string
}

/** Lifetimes as a list of bytes, in the order in which the blocks were removed: for `RemovalLog.append`. */
export const encodeLifetimes = (lifetimes: readonly BlockLifetime[]): Uint8Array => {
  const list = Buffer.alloc(lifetimes.length * LIFETIME_BYTES)
  for (const [i, { cid, from, until }] of lifetimes.entries()) {
    list.set(cid, i * LIFETIME_BYTES)
    list.write(from + until, i * LIFETIME_BYTES + CID_LENGTH, 'latin1')
  }
  return list
}

/** The revisions of the lifetime that begins, with its CID, at `offset` of such a list. */
export const lifetimeAt = (list: Uint8Array, offset: number): Omit<BlockLifetime, 'cid'> => {
  const revs = Buffer.from(list.buffer, list.byteOffset + offset + CID_LENGTH, 2 * REV_BYTES).toString(
    'latin1',
  )
  return { from: revs.slice(0, REV_BYTES), until: revs.slice(REV_BYTES) }
}
