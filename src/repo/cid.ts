const ALPHABET = new TextEncoder().encode('abcdefghijklmnopqrstuvwxyz234567')

/**
 * The text of a binary CID: what `Cid.toString()` says, in one flat string. That one is put together
 * letter by letter, and each kept string of it weighs some 2 KB; this one 80 bytes.
 */
export const cidText = (bytes: Uint8Array): string => {
  const text = [0x62] // b: base32
  let at = 1
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff
    bits += 8
    for (; bits >= 5; bits -= 5) text[at++] = ALPHABET[(value >> (bits - 5)) & 31] ?? 0
  }
  if (bits > 0) text[at] = ALPHABET[(value << (5 - bits)) & 31] ?? 0
  return String.fromCharCode(...text)
}
