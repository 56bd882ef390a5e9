import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

type Decode = (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array

/** What services answer in: Cloudflare asks for gzip and br, whatever the client takes. */
const DECODERS = new Map<string, Decode>([
  ['', (bytes) => bytes],
  ['identity', (bytes) => bytes],
  ['gzip', gunzipSync],
  ['br', brotliDecompressSync],
  ['deflate', inflateSync],
])

/**
 * The bytes that a whole body in this content coding stands for. Undefined for a coding that is not known here. Throws
 * if they are more than `maxBytes`, or if the body is not of that coding.
 */
export const decodeWhole = (
  bytes: Uint8Array,
  coding: string | null | undefined,
  maxBytes: number,
): Uint8Array | undefined =>
  DECODERS.get(coding?.trim().toLowerCase() ?? '')?.(bytes, { maxOutputLength: maxBytes })
