import { CBOR_DATA_CODEC, SHA256_HASH_CODE, type Cid, createCid, decodeCid } from '@atproto/lex-data'
import { base32 } from '../base32.ts'
import { CID_LENGTH, cidKeyAt, sameCid } from './cidBytes.ts'
import { sha256 } from './sha256.ts'

/** The CID of a DAG-CBOR block. */
export const cborCid = (block: Uint8Array): Cid => createCid(CBOR_DATA_CODEC, SHA256_HASH_CODE, sha256(block))

/** The CID as a key for maps and sets. */
export const cidKey = (cid: Cid): string => cidKeyAt(cid.bytes, 0)

/** The CID of a `cidKey`. */
export const cidOfKey = (key: string): Cid => decodeCid(new Uint8Array(Buffer.from(key, 'latin1')))

/**
 * The text of a binary CID: what `Cid.toString()` says, in one flat string of 80 bytes. `Cid.toString()`
 * builds it letter by letter, and each such string that is kept takes some 2 KB.
 */
export const cidText = (bytes: Uint8Array): string => base32(bytes, 'b')

/**
 * A link, as a position in the bytes of the block that contains it. A CID object takes a kilobyte and a dozen
 * allocations: it is made only on demand, and most links never need one.
 */
export class Link {
  readonly bytes: Uint8Array
  /** Where the 36 bytes of the CID begin. */
  readonly offset: number

  constructor(bytes: Uint8Array, offset: number) {
    this.bytes = bytes
    this.offset = offset
  }

  get cid(): Cid {
    return decodeCid(this.bytes.slice(this.offset, this.offset + CID_LENGTH))
  }

  toString(): string {
    return cidText(this.bytes.subarray(this.offset, this.offset + CID_LENGTH))
  }

  /** Whether this links to the CID at `offset` of `bytes`. */
  equals({ bytes, offset }: Pick<Link, 'bytes' | 'offset'>): boolean {
    return sameCid(this.bytes, this.offset, bytes, offset)
  }
}
