import { CID_LENGTH } from '../cidBytes.ts'
import { sameDigest, sha256 } from '../sha256.ts'

/**
 * Steps over the sections of a CAR in a buffer without copying them: each is a length, a CID and a block.
 * For bytes that were checked before they were stored.
 */
export class SectionReader {
  readonly bytes: Uint8Array
  /** Where the current section begins, in bytes. */
  start = 0
  /** Where its CID begins. */
  cidAt = 0
  /** Where its block begins. */
  blockAt = 0
  /** Where it ends, and the next section begins. */
  end: number

  /** `offset`: where the first section begins. */
  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes
    this.end = offset
  }

  /** The bytes of the block, not copied. */
  get content(): Uint8Array {
    return this.bytes.subarray(this.blockAt, this.end)
  }

  /** Whether the hash of the block is the one in its CID. */
  get isIntact(): boolean {
    return sameDigest(sha256(this.content), this.bytes.subarray(this.cidAt + 4, this.blockAt))
  }

  /** Goes to the next section; false where there is no whole one. */
  next(): boolean {
    const { bytes } = this
    let offset = this.end
    let length = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[offset++]
      if (byte === undefined) return false
      length += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    // Written so that it is false for NaN, which a length of too many bytes becomes.
    if (!(length >= CID_LENGTH && offset + length <= bytes.length)) return false
    this.start = this.end
    this.cidAt = offset
    this.blockAt = offset + CID_LENGTH
    this.end = offset + length
    return true
  }
}
