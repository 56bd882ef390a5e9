const ALPHABET = new TextEncoder().encode('abcdefghijklmnopqrstuvwxyz234567')

/**
 * Lower-case base32 without padding (RFC 4648), after `prefix`, in one flat string: a string that is put together
 * letter by letter weighs some 2 KB for a CID as long as it is kept; this one weighs 80 bytes.
 */
export const base32 = (bytes: Uint8Array, prefix = ''): string => {
  const text: number[] = []
  let at = 0
  for (; at < prefix.length; at++) text[at] = prefix.charCodeAt(at)
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
