import { decodeCid, isCid, parseCidSafe } from '@atproto/lex-data'
import type { Cid, LexValue } from '@atproto/lex-data'
import { cidText } from './cid.ts'

/** A blob that a record refers to. */
export interface BlobReference {
  readonly cid: Cid
  readonly mimeType: string
  /** In bytes, as the record says; undefined in the legacy form, and in what was converted from it. */
  readonly size: number | undefined
  /** Whether it has the form `{cid, mimeType}`, from before the `blob` type. */
  readonly legacy: boolean
}

type Fields = { readonly [key: string]: LexValue | undefined }

const isMap = (value: LexValue): value is { [key: string]: LexValue } =>
  value !== null && typeof value === 'object' && !(value instanceof Uint8Array) && !isCid(value)

const typed = ({ $type, ref, mimeType, size }: Fields): BlobReference | undefined => {
  if ($type !== 'blob' || !isCid(ref, { flavor: 'dasl' }) || !isCid(ref, { flavor: 'raw' })) return undefined
  if (typeof mimeType !== 'string' || typeof size !== 'number' || size < -1) return undefined
  // -1: converted from the legacy form, which has no size. The blob is as real as any other.
  return { cid: ref, mimeType, size: size < 0 ? undefined : size, legacy: false }
}

const legacy = (fields: Fields): BlobReference | undefined => {
  const { cid: text, mimeType } = fields
  if (typeof text !== 'string' || typeof mimeType !== 'string' || mimeType === '') return undefined
  if (Object.keys(fields).length !== 2) return undefined
  const cid = parseCidSafe(text, { flavor: 'raw' })
  if (!cid || !isCid(cid, { flavor: 'dasl' }) || cidText(cid.bytes) !== text) return undefined
  return { cid, mimeType, size: undefined, legacy: true }
}

/** Every blob that a decoded record refers to, in both forms that records use; what it says twice is there once. */
export const blobRefs = (record: LexValue): BlobReference[] => {
  const found = new Map<string, BlobReference>()
  const open: LexValue[] = [record]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (Array.isArray(value)) for (const item of value) open.push(item)
    else if (isMap(value)) {
      const blob = typed(value) ?? legacy(value)
      if (!blob) for (const item of Object.values(value)) open.push(item)
      else found.set(`${blob.cid} ${blob.size} ${blob.legacy} ${blob.mimeType}`, blob)
    }
  }
  return [...found.values()]
}

// Tag 42, a byte string of 37 bytes, a zero, and a CIDv1 of raw bytes by sha-256.
const RAW_LINK = Buffer.from([0xd8, 0x2a, 0x58, 0x25, 0x00, 0x01, 0x55, 0x12, 0x20])
const LEGACY_LINK = /bafkrei[a-z2-7]{52}/g

/**
 * The blobs that the bytes of a malformed record seem to refer to: every link to raw bytes, and every text that is such a
 * CID. Rather one too many than one too few: what is not a blob is found nowhere.
 */
export const scanBlobRefs = (bytes: Uint8Array): BlobReference[] => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const found = new Map<string, BlobReference>()
  const add = (cid: Cid, legacy: boolean) =>
    found.set(cid.toString(), { cid, mimeType: '', size: undefined, legacy })
  for (let at = buffer.indexOf(RAW_LINK); at >= 0; at = buffer.indexOf(RAW_LINK, at + 1)) {
    const from = at + RAW_LINK.length - 4
    if (from + 36 <= buffer.length) add(decodeCid(new Uint8Array(buffer.subarray(from, from + 36))), false)
  }
  for (const [text] of buffer.toString('latin1').matchAll(LEGACY_LINK)) {
    const cid = parseCidSafe(text, { flavor: 'raw' })
    if (cid && isCid(cid, { flavor: 'dasl' })) add(cid, true)
  }
  return [...found.values()]
}
