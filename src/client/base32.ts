const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** Base32 in small letters, without padding (RFC 4648): five bits each, the last letter filled up with zeros. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = ''
  let [value, bits] = [0, 0]
  for (const byte of bytes) {
    value = ((value & 31) << 8) | byte
    for (bits += 8; bits >= 5;) text += ALPHABET.charAt((value >>> (bits -= 5)) & 31)
  }
  return bits > 0 ? text + ALPHABET.charAt((value << (5 - bits)) & 31) : text
}

/** The bytes of a text in base32. What it gives for other letters has no meaning: check the text, too. */
export function decodeBase32(text: string): number[] {
  const bytes: number[] = []
  let [value, bits] = [0, 0]
  for (const letter of text) {
    value = ((value & 0xff) << 5) | ALPHABET.indexOf(letter)
    bits += 5
    if (bits >= 8) bytes.push((value >>> (bits -= 8)) & 0xff)
  }
  return bytes
}
