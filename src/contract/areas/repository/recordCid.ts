import { encode } from '@atproto/lex-cbor'
import { type LexValue, parseCidSafe } from '@atproto/lex-data'
import { isObject } from '../../../isObject.ts'
import { cborCid } from '../../../repo/cid.ts'

/** The data that JSON of the data model says: `{$link}` is a link, `{$bytes}` are bytes. */
const dataOf = (json: unknown): LexValue => {
  if (Array.isArray(json)) return json.map(dataOf)
  if (isObject(json)) {
    const [[name, value] = [], more] = Object.entries(json)
    if (more === undefined && typeof value === 'string') {
      const link = name === '$link' ? parseCidSafe(value) : undefined
      if (link) return link
      if (name === '$bytes') return new Uint8Array(Buffer.from(value, 'base64'))
    }
    return Object.fromEntries(Object.entries(json).map(([key, inner]) => [key, dataOf(inner)]))
  }
  // What JSON.parse gives besides: text, numbers, true, false and null.
  return json as string | number | boolean | null
}

/** The CID of the record that this JSON says. Throws for what cannot be a record, such as one with a fraction. */
export const recordCid = (json: unknown): string => cborCid(encode(dataOf(json))).toString()
