import { CBOR_DATA_CODEC, SHA256_HASH_CODE, type Cid, createCid, decodeCid } from '@atproto/lex-data'
import { base32 } from '../base32.ts'
import { CID_LENGTH } from './cborReader.ts'
import { keyAt, sameCid } from './sectionReader.ts'
import { sha256 } from './sha256.ts'

/** The CID of a DAG-CBOR block. */
export const cborCid = (block: Uint8Array): Cid => createCid(CBOR_DATA_CODEC, SHA256_HASH_CODE, sha256(block))

/** The CID as a key for maps and sets. */
export const cidKey = (cid: Cid): string => keyAt(cid.bytes, 0)

/** The CID of such a key. */
export const cidOfKey = (key: string): Cid => decodeCid(new Uint8Array(Buffer.from(key, 'latin1')))

/**
 * The text of a binary CID: what `Cid.toString()` says, in one flat string of 80 bytes. That one is put together
 * letter by letter, and each kept string of it weighs some 2 KB.
 */
export const cidText = (bytes: Uint8Array): string => base32(bytes, 'b')

/**
 * A link, as it stands in a block of its own. A CID object takes a kilobyte and a dozen allocations: it is made
 * where somebody asks for it, for most links never.
 */
export class Link {
  readonly bytes: Uint8Array
  /** Where the 36 bytes of the CID begin. */
  readonly at: number

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.at = at
  }

  get cid(): Cid {
    return decodeCid(this.bytes.slice(this.at, this.at + CID_LENGTH))
  }

  toString(): string {
    return cidText(this.bytes.subarray(this.at, this.at + CID_LENGTH))
  }

  equals({ bytes, at }: Pick<Link, 'bytes' | 'at'>): boolean {
    return sameCid(this.bytes, this.at, bytes, at)
  }
}
