import { decodeCid } from '@atproto/lex-data'
import type { Cid, LexValue } from '@atproto/lex-data'
import { ARRAY, BYTES, CborReader, MAP, NEGINT, NULL, SIMPLE, TAG, TEXT, UINT } from './cborReader.ts'
import { CID_LENGTH } from './cidBytes.ts'

export { CborError } from './cborReader.ts'
export type { CborErrorCode } from './cborReader.ts'

/** What a block may be at most. */
export interface CborLimits {
  /** How deep maps and arrays may be nested; 128. */
  depth?: number
  /** Bytes of the whole block; 2 MiB. */
  size?: number
}

/** What the check found out, so that most blocks need not be decoded at all. */
export interface CborFacts {
  /** The outermost item is a map. */
  readonly isMap: boolean
  /** Some map in it has a key `mimeType`: without one there is no blob reference. */
  readonly hasMimeType: boolean
}

const MAX_DEPTH = 128
const MAX_BYTES = 2 * 1024 * 1024
const MIME_TYPE = new TextEncoder().encode('mimeType')
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A map or array that is being read. */
interface Frame {
  /** Items that are still to come. */
  left: number
  readonly map: boolean
  /** Where the text of the last key begins; -1 before the first key. */
  keyStart: number
  keyLength: number
}

const checkText = (reader: CborReader, length: number): number => {
  const start = reader.skip(length)
  for (let i = start; i < reader.offset; i++) {
    if ((reader.bytes[i] ?? 0) < 0x80) continue
    try {
      utf8.decode(reader.bytes.subarray(i, reader.offset))
    } catch {
      reader.fail('BadUtf8', 'a string that is not UTF-8', start)
    }
    break
  }
  return start
}

const compare = (bytes: Uint8Array, a: number, b: number, length: number): number => {
  for (let i = 0; i < length; i++) {
    const difference = (bytes[a + i] ?? 0) - (bytes[b + i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** Reads a map key and checks that it is in order: shorter keys first, keys of one length by their bytes. */
const checkKey = (reader: CborReader, frame: Frame): void => {
  const headAt = reader.offset
  reader.head()
  if (reader.major !== TEXT) reader.fail('BadKey', 'a map key that is not a string', headAt)
  const length = reader.arg
  const start = checkText(reader, length)
  if (frame.keyStart >= 0) {
    const order = length - frame.keyLength || compare(reader.bytes, start, frame.keyStart, length)
    if (order === 0) reader.fail('DuplicateKey', 'a map key that comes twice', headAt)
    if (order < 0) reader.fail('KeyOrder', 'map keys out of order', headAt)
  }
  frame.keyStart = start
  frame.keyLength = length
}

const isMimeType = (bytes: Uint8Array, frame: Frame): boolean =>
  frame.keyLength === MIME_TYPE.length && MIME_TYPE.every((byte, i) => bytes[frame.keyStart + i] === byte)

const scan = (bytes: Uint8Array, limits: CborLimits, onLink?: (cidAt: number) => void): CborFacts => {
  const { depth = MAX_DEPTH, size = MAX_BYTES } = limits
  const reader = new CborReader(bytes)
  if (bytes.length > size) reader.fail('TooLarge', `a block of ${bytes.length} bytes, ${size} allowed`)
  const isMap = (bytes[0] ?? 0) >> 5 === MAP
  let hasMimeType = false
  // A stack of our own: the depth of the input must not become the depth of our calls.
  const open: Frame[] = []
  let frame: Frame | undefined = { left: 1, map: false, keyStart: -1, keyLength: 0 }

  const enter = (left: number, asMap: boolean, headAt: number): void => {
    // Every item takes a byte: a container that declares more than is left is refused unread.
    if (left * (asMap ? 2 : 1) > reader.left) reader.fail('Truncated', `${left} items declared`, headAt)
    if (open.length >= depth) reader.fail('TooDeep', `nested deeper than ${depth}`, headAt)
    if (frame) open.push(frame)
    frame = { left, map: asMap, keyStart: -1, keyLength: 0 }
  }

  while (frame) {
    if (frame.left === 0) {
      frame = open.pop()
      continue
    }
    frame.left--
    if (frame.map) {
      checkKey(reader, frame)
      hasMimeType ||= isMimeType(bytes, frame)
    }
    const headAt = reader.offset
    reader.head()
    switch (reader.major) {
      case UINT:
        break
      case NEGINT:
        if (reader.arg >= Number.MAX_SAFE_INTEGER)
          reader.fail('IntegerRange', 'a number beyond -2^53', headAt)
        break
      case BYTES:
        reader.skip(reader.arg)
        break
      case TEXT:
        checkText(reader, reader.arg)
        break
      case ARRAY:
        enter(reader.arg, false, headAt)
        break
      case MAP:
        enter(reader.arg, true, headAt)
        break
      case TAG: {
        if (reader.arg !== 42) reader.fail('BadTag', `tag ${reader.arg}`, headAt)
        const cidAt = reader.cid()
        onLink?.(cidAt)
        break
      }
      case SIMPLE:
        if (reader.arg > 24) reader.fail('Float', 'floating point numbers are not allowed', headAt)
        if (reader.arg < 20 || reader.arg > NULL)
          reader.fail('BadSimple', 'a simple value other than true, false, null', headAt)
    }
  }
  if (reader.left > 0) reader.fail('TrailingBytes', `${reader.left} bytes after the end`)
  return { isMap, hasMimeType }
}

/**
 * Accepts exactly the canonical DAG-CBOR of atproto (DRISL without floats): encoding the same data again gives the
 * same bytes. It takes one pass, without recursion, and allocates nothing because of a size that the input declares.
 */
export const checkCbor = (bytes: Uint8Array, limits: CborLimits = {}): CborFacts => scan(bytes, limits)

/** The CIDs that a canonical block links to, in the order of its bytes. Throws `CborError` like `checkCbor`. */
export const links = (bytes: Uint8Array, limits: CborLimits = {}): Cid[] => {
  const found: Cid[] = []
  scan(bytes, limits, (cidAt) => found.push(decodeCid(bytes.slice(cidAt, cidAt + CID_LENGTH))))
  return found
}

/** Decodes an item. Only after `scan`: depth, order, text and lengths are known to be good. */
const build = (reader: CborReader): LexValue => {
  reader.head()
  const { bytes, arg, major } = reader
  switch (major) {
    case UINT:
      return arg
    case NEGINT:
      return -1 - arg
    case BYTES: {
      const start = reader.skip(arg)
      return bytes.slice(start, start + arg)
    }
    case TEXT: {
      const start = reader.skip(arg)
      return utf8.decode(bytes.subarray(start, start + arg))
    }
    case ARRAY: {
      const items: LexValue[] = []
      for (let i = 0; i < arg; i++) items.push(build(reader))
      return items
    }
    case MAP: {
      const object: { [key: string]: LexValue } = {}
      for (let i = 0; i < arg; i++) {
        const key = build(reader) as string // checkKey has made sure that it is text
        const value = build(reader)
        // A plain assignment to this key would set the prototype and lose the entry.
        if (key === '__proto__') {
          Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
        } else object[key] = value
      }
      return object
    }
    case TAG: {
      const cidAt = reader.cid()
      return decodeCid(bytes.slice(cidAt, cidAt + CID_LENGTH))
    }
    default:
      return arg === NULL ? null : arg === 21
  }
}

/**
 * Checks a block and decodes it. @atproto/lex-cbor is not used: it drops a byte order mark at the start of a
 * string and takes a key `__proto__` for the prototype, so that the data would not encode to the same bytes again.
 */
export const decodeBlock = (bytes: Uint8Array, limits: CborLimits = {}): LexValue => {
  scan(bytes, limits)
  return build(new CborReader(bytes))
}
