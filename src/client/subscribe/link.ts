const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** The text of a CID: version 1, DAG-CBOR or raw bytes, sha-256. There are no others in a repository. */
export function linkOf(cid: Uint8Array): string {
  const [version, codec, hash, length] = cid
  if (
    cid.length !== 36 ||
    version !== 1 ||
    (codec !== 0x71 && codec !== 0x55) ||
    hash !== 18 ||
    length !== 32
  )
    throw new TypeError('not a CID of a repository')
  let text = 'b'
  let [value, bits] = [0, 0]
  for (const byte of cid) {
    value = ((value & 31) << 8) | byte
    for (bits += 8; bits >= 5;) text += ALPHABET.charAt((value >>> (bits -= 5)) & 31)
  }
  return text + ALPHABET.charAt((value << (5 - bits)) & 31)
}
