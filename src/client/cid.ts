const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
/** CIDv1, raw, sha-256, 32 bytes: the only kind that names a blob. */
const PREFIX = [1, 0x55, 0x12, 0x20]

/** The sha-256 that a blob's CID holds. Storage that checks one by itself (R2's `sha256`) can be given it. */
export function digestOf(cid: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = []
  let [value, bits] = [0, 0]
  for (const letter of cid.slice(1)) {
    value = ((value & 0xff) << 5) | ALPHABET.indexOf(letter)
    bits += 5
    if (bits >= 8) bytes.push((value >>> (bits -= 8)) & 0xff)
  }
  // 58 letters of 5 bits: 36 bytes and two bits, which are zero. indexOf's -1 sets every bit above.
  const known = cid.length === 59 && /^b[a-z2-7]*[aeimquy4]$/.test(cid)
  if (!known || !PREFIX.every((byte, i) => bytes[i] === byte))
    throw new TypeError(`"${cid}" is not the CID of a blob`)
  return new Uint8Array(bytes.slice(4))
}

/** Whether the bytes are those that the CID names. */
export async function verifyBlob(cid: string, bytes: Uint8Array): Promise<boolean> {
  const wanted = digestOf(cid)
  // WebCrypto refuses shared memory, which the type would let through.
  const found = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return found.every((byte, i) => byte === wanted[i])
}
