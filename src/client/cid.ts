import { decodeBase32, encodeBase32 } from './base32.ts'

/** CIDv1, raw, sha-256, 32 bytes: the only kind of CID that a blob has. */
const BLOB_PREFIX = [1, 0x55, 0x12, 0x20]

/** The sha-256 in a blob's CID. Storage that checks one itself (R2's `sha256`) takes it. */
export function digestOf(cid: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase32(cid.slice(1))
  // 58 letters of 5 bits: 36 bytes and two bits, which are zero.
  const known = cid.length === 59 && /^b[a-z2-7]*[aeimquy4]$/.test(cid)
  if (!known || !BLOB_PREFIX.every((byte, i) => bytes[i] === byte))
    throw new TypeError(`"${cid}" is not the CID of a blob`)
  return new Uint8Array(bytes.slice(4))
}

/** The text of a CID: version 1, DAG-CBOR or raw bytes, sha-256. A repository has no others. */
export function cidText(cid: Uint8Array): string {
  const [version, codec, hash, length] = cid
  if (
    cid.length !== 36 ||
    version !== 1 ||
    (codec !== 0x71 && codec !== 0x55) ||
    hash !== 18 ||
    length !== 32
  )
    throw new TypeError('not a CID of a repository')
  return `b${encodeBase32(cid)}`
}

/** Whether a blob's bytes have the hash in its CID. */
export async function verifyBlob(cid: string, bytes: Uint8Array): Promise<boolean> {
  const wanted = digestOf(cid)
  // The type allows shared memory, which WebCrypto refuses.
  const found = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return found.every((byte, i) => byte === wanted[i])
}
