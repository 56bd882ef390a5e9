import { isCid, type LexValue } from '@atproto/lex-data'

/** A record as JSON that says the same: links as `{$link}`, bytes as `{$bytes}`. */
export const recordJson = (value: LexValue): unknown => {
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64').replace(/=+$/, '') }
  if (isCid(value)) return { $link: value.toString() }
  if (Array.isArray(value)) return value.map(recordJson)
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, recordJson(inner)]])),
  )
}
