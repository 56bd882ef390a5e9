import { CID_LENGTH } from '../cborReader.ts'
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

  /** Whether the block has the hash that its CID says. */
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

/** Whether the CIDs at these offsets of two buffers are the same. */
export const sameCid = (a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): boolean => {
  // From the end: CIDs differ in their digests.
  for (let i = CID_LENGTH - 1; i >= 0; i--) if (a[aOffset + i] !== b[bOffset + i]) return false
  return true
}

/** The CID at `offset` as a key for maps and sets: shorter and cheaper than the base32 text. */
export const keyAt = (bytes: Uint8Array, offset: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + offset, CID_LENGTH).toString('latin1')
