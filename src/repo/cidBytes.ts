/** Bytes of a binary CID: version 1, codec, sha-256, 32 bytes of digest. In CBOR a zero byte comes before it. */
export const CID_LENGTH = 36

/** Whether the 36 bytes at `offset` are a CIDv1 of sha-256 over dag-cbor or raw: atproto has no other. */
export const isCidAt = (bytes: Uint8Array, offset: number): boolean =>
  offset + CID_LENGTH <= bytes.length &&
  bytes[offset] === 1 &&
  (bytes[offset + 1] === 0x71 || bytes[offset + 1] === 0x55) &&
  bytes[offset + 2] === 0x12 &&
  bytes[offset + 3] === 0x20

/** Whether the CIDs at these offsets of two buffers are the same. */
export const sameCid = (a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): boolean => {
  // From the end: CIDs differ in their digests.
  for (let i = CID_LENGTH - 1; i >= 0; i--) if (a[aOffset + i] !== b[bOffset + i]) return false
  return true
}

/** The CID at `offset` as a key for maps and sets: shorter and cheaper than the base32 text. */
export const cidKeyAt = (bytes: Uint8Array, offset: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + offset, CID_LENGTH).toString('latin1')
