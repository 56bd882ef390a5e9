import { BlobRef } from '@atproto/lexicon'
import { type Cid, fromBase64, isCid, parseCidSafe } from '@atproto/lex-data'
import { CID } from 'multiformats/cid'
import { error } from './errors.ts'

/** How deep a body may be nested. */
export const MAX_DEPTH = 128

export const tooDeep = () =>
  error('InvalidRequest', `The request body is nested deeper than ${MAX_DEPTH} levels`)

type Fields = { readonly [name: string]: unknown }

const refuse = (path: string, problem: string) => error('InvalidRequest', `${path || 'Input'}: ${problem}`)

const HALF_PAIR = 'half of a surrogate pair, which UTF-8 cannot express'

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 100)

/** The CID of a text in the one form that it may have; undefined where it has another. */
const exactCid = (text: unknown): Cid | undefined => {
  if (typeof text !== 'string') return undefined
  const cid = parseCidSafe(text)
  return cid && cid.toString() === text ? cid : undefined
}

const readLink = (fields: Fields, path: string): Cid => {
  const cid = exactCid(fields.$link)
  if (!cid || Object.keys(fields).length > 1)
    throw refuse(path, `expected {"$link": "<CID in base32>"} and nothing else, got ${shown(fields)}`)
  return cid
}

const readBytes = (fields: Fields, path: string): Uint8Array => {
  const text = fields.$bytes
  try {
    if (typeof text === 'string' && Object.keys(fields).length === 1) return fromBase64(text)
  } catch {
    // It is not base64.
  }
  throw refuse(path, `expected {"$bytes": "<base64>"} and nothing else, got ${shown(fields)}`)
}

const BLOB = '{"$type": "blob", "ref": {"$link": …}, "mimeType": "a/b", "size": <bytes>} and nothing else'

const readBlob = (fields: Fields, path: string): BlobRef => {
  const { ref, mimeType, size } = fields
  const cid = exactCid(Object(ref).$link)
  if (!cid || Object.keys(Object(ref)).length > 1 || !isCid(cid, { flavor: 'raw' }))
    throw refuse(`${path}.ref`, `expected the link of a blob (a raw CID with sha-256), got ${shown(ref)}`)
  if (typeof mimeType !== 'string' || !mimeType.includes('/'))
    throw refuse(`${path}.mimeType`, `expected a media type, got ${shown(mimeType)}`)
  if (!Number.isSafeInteger(size) || Number(size) < 0)
    throw refuse(`${path}.size`, `expected the blob's number of bytes, got ${shown(size)}`)
  if (Object.keys(fields).length !== 4) throw refuse(path, `expected ${BLOB}, got ${shown(fields)}`)
  return new BlobRef(CID.decode(cid.bytes), mimeType, Number(size))
}

/** The form of a blob reference before `$type: blob`: a map with exactly these fields, whose `cid` is one. */
const readLegacyBlob = (fields: Fields): BlobRef | undefined => {
  const { cid: text, mimeType } = fields
  if (typeof mimeType !== 'string' || typeof text !== 'string') return undefined
  if (Object.keys(fields).length !== 2) return undefined
  const cid = exactCid(text)
  if (!cid || !isCid(cid, { flavor: 'raw' })) return undefined
  // The last argument is what is stored: the form stays as it is.
  return new BlobRef(CID.decode(cid.bytes), mimeType, -1, { cid: text, mimeType })
}

function readMap(fields: Fields, path: string, left: number): unknown {
  if (fields.$link !== undefined) return readLink(fields, path)
  if (fields.$bytes !== undefined) return readBytes(fields, path)
  const type = fields.$type
  if (type === 'blob') return readBlob(fields, path)
  if (type !== undefined && (typeof type !== 'string' || type === ''))
    throw refuse(`${path && `${path}.`}$type`, `expected the name of a type, got ${shown(type)}`)
  const legacy = readLegacyBlob(fields)
  if (legacy) return legacy
  const map: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(fields)) {
    // As a field of an object it would set the prototype, and be lost without an error.
    if (name === '__proto__')
      throw error('InvalidRequest', 'A field of the request body is named __proto__, which is not allowed')
    if (!name.isWellFormed()) throw refuse(path, `the name of a field has ${HALF_PAIR}`)
    map[name] = readValue(inner, path === '' ? name : `${path}.${name}`, left - 1)
  }
  return map
}

function readValue(value: unknown, path: string, left: number): unknown {
  switch (typeof value) {
    case 'number':
      if (Number.isSafeInteger(value)) return value
      throw refuse(
        path,
        `${value} is not an integer between -(2^53 - 1) and 2^53 - 1, the only numbers there are`,
      )
    case 'string':
      if (value.isWellFormed()) return value
      throw refuse(path, `the text has ${HALF_PAIR}`)
    case 'object':
      if (value === null) return null
      if (left === 0) throw tooDeep()
      // JSON has no other objects.
      if (!Array.isArray(value)) return readMap(value as Fields, path, left)
      return value.map((item, at) => readValue(item, `${path}[${at}]`, left - 1))
    default:
      return value
  }
}

/**
 * JSON as values of the AT Protocol's data model, in the form that the lexicon library validates: links, bytes and
 * references to blobs become classes. Throws where the JSON breaks the model, which holds for data of every lexicon,
 * known or not. https://atproto.com/specs/data-model
 */
export const readData = (json: unknown): unknown => readValue(json, '', MAX_DEPTH)
