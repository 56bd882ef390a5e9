import { CID_LENGTH } from './cborReader.ts'
import { sameDigest, sha256 } from './sha256.ts'

/**
 * Steps over the sections of a CAR that lie in a buffer, without taking them out of it: each is a
 * length, a CID and the block. For bytes that were checked before they were stored.
 */
export class SectionReader {
  readonly bytes: Uint8Array
  /** Where the section begins, its CID stands and its block begins; `end` is behind it. */
  start = 0
  cid = 0
  block = 0
  end: number

  /** `at`: where the first section begins. */
  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes
    this.end = at
  }

  /** The bytes of the block, not copied. */
  get content(): Uint8Array {
    return this.bytes.subarray(this.block, this.end)
  }

  /** Whether the block has the hash that its CID says. */
  get isIntact(): boolean {
    return sameDigest(sha256(this.content), this.bytes.subarray(this.cid + 4, this.block))
  }

  /** The next section; false where there is no whole one. */
  next(): boolean {
    const { bytes } = this
    let at = this.end
    let length = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined) return false
      length += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    // So put that it is false for NaN, which a length of too many bytes becomes.
    if (!(length >= CID_LENGTH && at + length <= bytes.length)) return false
    this.start = this.end
    this.cid = at
    this.block = at + CID_LENGTH
    this.end = at + length
    return true
  }
}

/** Whether the CIDs at these places of two buffers are the same. */
export const sameCid = (a: Uint8Array, at: number, b: Uint8Array, from: number): boolean => {
  // From the end: what tells CIDs apart is the digest.
  for (let i = CID_LENGTH - 1; i >= 0; i--) if (a[at + i] !== b[from + i]) return false
  return true
}

/** The CID at `at` as a key for maps and sets: shorter and cheaper than the base32 text. */
export const keyAt = (bytes: Uint8Array, at: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, CID_LENGTH).toString('latin1')
