import {
  ARRAY,
  BYTES,
  CborError,
  CborReader,
  MAP,
  NEGINT,
  SIMPLE,
  TAG,
  TEXT,
  UINT,
} from '../repo/cborReader.ts'
import { WebauthnError } from './webauthnError.ts'

/** CTAP2's canonical form nests no deeper than this. */
const MAX_DEPTH = 4
/** Members of a map or an array: no format of WebAuthn comes near. */
const MAX_MEMBERS = 32

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads CBOR; what is wrong with it becomes a `WebauthnError`. */
export const readingCbor = <T>(bytes: Uint8Array, work: (reader: CborReader) => T): T => {
  try {
    return work(new CborReader(bytes))
  } catch (cause) {
    if (cause instanceof CborError) throw new WebauthnError('Malformed', cause.message, { cause })
    throw cause
  }
}

/** Reads the head of a map, and returns how many members it has. */
export const readMapSize = (reader: CborReader): number => {
  const members = reader.expect(MAP, 'a map')
  if (members > MAX_MEMBERS) reader.fail('TooLarge', `more than ${MAX_MEMBERS} members`)
  return members
}

export const readInteger = (reader: CborReader): number => {
  reader.head()
  if (reader.major === UINT) return reader.arg
  if (reader.major === NEGINT) return -1 - reader.arg
  return reader.fail('BadShape', 'expected an integer')
}

export const readBytes = (reader: CborReader): Uint8Array<ArrayBuffer> => {
  const length = reader.expect(BYTES, 'bytes')
  const start = reader.skip(length)
  return reader.bytes.slice(start, start + length)
}

export const readText = (reader: CborReader): string => {
  const length = reader.expect(TEXT, 'text')
  const start = reader.skip(length)
  try {
    return utf8.decode(reader.bytes.subarray(start, start + length))
  } catch {
    return reader.fail('BadUtf8', 'text that is not UTF-8', start)
  }
}

/** Skips one item of any kind; what is in it is not looked at. */
export const skipItem = (reader: CborReader, depth = 0): void => {
  if (depth > MAX_DEPTH) reader.fail('TooDeep', `nested deeper than ${MAX_DEPTH}`)
  reader.head()
  const { major, arg } = reader
  switch (major) {
    case BYTES:
    case TEXT:
      reader.skip(arg)
      return
    case ARRAY:
    case MAP: {
      if (arg > MAX_MEMBERS) reader.fail('TooLarge', `more than ${MAX_MEMBERS} members`)
      const items = major === MAP ? 2 * arg : arg
      for (let i = 0; i < items; i++) skipItem(reader, depth + 1)
      return
    }
    case TAG:
      return reader.fail('BadTag', 'a tag')
    case SIMPLE:
      // A value in bytes of its own: a float, or a simple value beyond the first 24.
      if (arg >= 24) reader.skip(1 << (arg - 24))
      return
    default:
      // An integer has no more than its head.
      return
  }
}
