import { decodeCid } from '@atproto/lex-data'
import type { Cid, LexValue } from '@atproto/lex-data'
import { ARRAY, BYTES, CborReader, MAP, NEGINT, NULL, SIMPLE, TAG, TEXT, UINT } from './cborReader.ts'

export { CborError } from './cborReader.ts'
export type { CborErrorCode } from './cborReader.ts'

/** What a block may cost at most. */
export interface CborLimits {
  /** Maps and arrays inside one another. */
  depth?: number
  /** Bytes of the whole block. */
  size?: number
}

/** What the check saw on its way, so that most blocks need not be decoded at all. */
export interface CborFacts {
  /** The outermost item is a map. */
  readonly map: boolean
  /** Some map has a key `mimeType`: without it there is no blob reference. */
  readonly mimeType: boolean
}

const DEPTH = 128
const SIZE = 2 * 1024 * 1024
const MIME_TYPE = new TextEncoder().encode('mimeType')
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

interface Frame {
  left: number
  readonly map: boolean
  keyAt: number
  keyLength: number
}

const checkText = (cursor: CborReader, length: number): number => {
  const start = cursor.skip(length)
  for (let i = start; i < cursor.at; i++) {
    if ((cursor.bytes[i] ?? 0) < 0x80) continue
    try {
      utf8.decode(cursor.bytes.subarray(i, cursor.at))
    } catch {
      cursor.fail('BadUtf8', 'a string that is not UTF-8', start)
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

/** Reads a key and checks that it comes after the one before: shorter first, then by bytes. */
const checkKey = (cursor: CborReader, frame: Frame): void => {
  const at = cursor.at
  cursor.head()
  if (cursor.major !== TEXT) cursor.fail('BadKey', 'a map key that is not a string', at)
  const length = cursor.arg
  const start = checkText(cursor, length)
  if (frame.keyAt >= 0) {
    const order = length - frame.keyLength || compare(cursor.bytes, start, frame.keyAt, length)
    if (order === 0) cursor.fail('DuplicateKey', 'a map key that stands twice', at)
    if (order < 0) cursor.fail('KeyOrder', 'map keys out of order', at)
  }
  frame.keyAt = start
  frame.keyLength = length
}

const isMimeType = (bytes: Uint8Array, frame: Frame): boolean =>
  frame.keyLength === MIME_TYPE.length && MIME_TYPE.every((byte, i) => bytes[frame.keyAt + i] === byte)

const scan = (bytes: Uint8Array, limits: CborLimits, link?: (at: number) => void): CborFacts => {
  const { depth = DEPTH, size = SIZE } = limits
  const cursor = new CborReader(bytes)
  if (bytes.length > size) cursor.fail('TooLarge', `a block of ${bytes.length} bytes, ${size} allowed`)
  const map = (bytes[0] ?? 0) >> 5 === MAP
  let mimeType = false
  // An own stack: the depth of the input must not become the depth of ours.
  const open: Frame[] = []
  let frame: Frame | undefined = { left: 1, map: false, keyAt: -1, keyLength: 0 }

  const enter = (left: number, isMap: boolean, at: number): void => {
    // Every item takes a byte: a container that declares more than is left can be refused unread.
    if (left * (isMap ? 2 : 1) > cursor.left) cursor.fail('Truncated', `${left} items declared`, at)
    if (open.length >= depth) cursor.fail('TooDeep', `nested deeper than ${depth}`, at)
    if (frame) open.push(frame)
    frame = { left, map: isMap, keyAt: -1, keyLength: 0 }
  }

  while (frame) {
    if (frame.left === 0) {
      frame = open.pop()
      continue
    }
    frame.left--
    if (frame.map) {
      checkKey(cursor, frame)
      mimeType ||= isMimeType(bytes, frame)
    }
    const at = cursor.at
    cursor.head()
    switch (cursor.major) {
      case UINT:
        break
      case NEGINT:
        if (cursor.arg >= Number.MAX_SAFE_INTEGER) cursor.fail('IntegerRange', 'a number beyond -2^53', at)
        break
      case BYTES:
        cursor.skip(cursor.arg)
        break
      case TEXT:
        checkText(cursor, cursor.arg)
        break
      case ARRAY:
        enter(cursor.arg, false, at)
        break
      case MAP:
        enter(cursor.arg, true, at)
        break
      case TAG: {
        if (cursor.arg !== 42) cursor.fail('BadTag', `tag ${cursor.arg}`, at)
        const cid = cursor.cid()
        link?.(cid)
        break
      }
      case SIMPLE:
        if (cursor.arg > 24) cursor.fail('Float', 'floating point numbers are not allowed', at)
        if (cursor.arg < 20 || cursor.arg > NULL)
          cursor.fail('BadSimple', 'a simple value but true, false, null', at)
    }
  }
  if (cursor.left > 0) cursor.fail('TrailingBytes', `${cursor.left} bytes after the end`)
  return { map, mimeType }
}

/**
 * Accepts exactly the canonical DAG-CBOR of atproto (DRISL without floats): encoding the same data
 * again gives the same bytes. One pass, no recursion, nothing allocated by what the input declares.
 */
export const checkCbor = (bytes: Uint8Array, limits: CborLimits = {}): CborFacts => scan(bytes, limits)

/** The CIDs that a canonical block links to, in the order of its bytes. */
export const links = (bytes: Uint8Array, limits: CborLimits = {}): Cid[] => {
  const found: Cid[] = []
  scan(bytes, limits, (at) => found.push(decodeCid(bytes.slice(at, at + 36))))
  return found
}

// Only after `scan`: depth, order, text and lengths are known to be good.
const build = (cursor: CborReader): LexValue => {
  cursor.head()
  const { bytes, arg, major } = cursor
  switch (major) {
    case UINT:
      return arg
    case NEGINT:
      return -1 - arg
    case BYTES: {
      const at = cursor.skip(arg)
      return bytes.slice(at, at + arg)
    }
    case TEXT: {
      const at = cursor.skip(arg)
      return utf8.decode(bytes.subarray(at, at + arg))
    }
    case ARRAY: {
      const items: LexValue[] = []
      for (let i = 0; i < arg; i++) items.push(build(cursor))
      return items
    }
    case MAP: {
      const object: { [key: string]: LexValue } = {}
      for (let i = 0; i < arg; i++) {
        const key = build(cursor) as string // checkKey saw that it is text
        const value = build(cursor)
        // A plain assignment to this one key would set the prototype and lose the entry.
        if (key === '__proto__') {
          Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true })
        } else object[key] = value
      }
      return object
    }
    case TAG: {
      const at = cursor.cid()
      return decodeCid(bytes.slice(at, at + 36))
    }
    default:
      return arg === NULL ? null : arg === 21
  }
}

/**
 * Checks a block and decodes it. Not by @atproto/lex-cbor: that one drops a byte order mark at the
 * start of a string and takes a key `__proto__` for the prototype, so that the data would not encode
 * to the same bytes again.
 */
export const decodeBlock = (bytes: Uint8Array, limits: CborLimits = {}): LexValue => {
  scan(bytes, limits)
  return build(new CborReader(bytes))
}
