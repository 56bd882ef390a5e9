import { CodedError } from '../codedError.ts'
import { CID_LENGTH, isCidAt } from './cidBytes.ts'

/** Why a piece of CBOR was refused. */
export type CborErrorCode =
  | 'Truncated'
  | 'TrailingBytes'
  | 'TooLarge'
  | 'TooDeep'
  | 'NotMinimal'
  | 'Indefinite'
  | 'IntegerRange'
  | 'Float'
  | 'BadSimple'
  | 'BadUtf8'
  | 'BadKey'
  | 'KeyOrder'
  | 'DuplicateKey'
  | 'BadTag'
  | 'BadCid'
  | 'BadShape'

/** CBOR that is not the one canonical encoding of atproto data. */
export class CborError extends CodedError<CborErrorCode> {
  override readonly name = 'CborError'
  /** Where in the input, in bytes. */
  readonly offset: number

  constructor(code: CborErrorCode, message: string, offset: number) {
    super(code, `${message} (at byte ${offset})`)
    this.offset = offset
  }
}

/** CBOR's major types. */
export const UINT = 0
export const NEGINT = 1
export const BYTES = 2
export const TEXT = 3
export const ARRAY = 4
export const MAP = 5
export const TAG = 6
export const SIMPLE = 7

/** `null`, `0xf6`: after `false` (20) and `true` (21), the last value of major type 7 that atproto data may hold. */
export const NULL = 22

/**
 * Reads the heads of CBOR items from a byte array. It allocates nothing and never reads past the end; a length
 * that a head declares is compared with what is left before anything relies on it.
 */
export class CborReader {
  readonly bytes: Uint8Array
  /** Where the next item begins, in bytes. */
  offset = 0
  /** The major type of the last head. */
  major = 0
  /** The argument of the last head. */
  arg = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get left(): number {
    return this.bytes.length - this.offset
  }

  fail(code: CborErrorCode, message: string, offset = this.offset): never {
    throw new CborError(code, message, offset)
  }

  private byte(): number {
    const byte = this.bytes[this.offset]
    if (byte === undefined) this.fail('Truncated', 'the input ends inside an item')
    this.offset++
    return byte
  }

  private uint(width: number): number {
    let value = 0
    for (let i = 0; i < width; i++) value = value * 256 + this.byte()
    return value
  }

  /** Reads one head into `major` and `arg`. Floats and simple values keep their additional info in `arg`. */
  head(): void {
    const start = this.offset
    const first = this.byte()
    const info = first & 0x1f
    this.major = first >> 5
    if (info < 24) {
      this.arg = info
      return
    }
    if (info === 31) this.fail('Indefinite', 'indefinite lengths are not allowed', start)
    if (info > 27) this.fail('BadSimple', 'a reserved length of head', start)
    if (this.major === SIMPLE) {
      this.arg = info
      return
    }
    const width = 1 << (info - 24)
    this.arg = this.uint(width)
    const least = width === 1 ? 24 : 2 ** (width * 4)
    if (this.arg < least) this.fail('NotMinimal', 'a number in more bytes than it needs', start)
    if (!Number.isSafeInteger(this.arg)) this.fail('IntegerRange', 'a number beyond 2^53', start)
  }

  /** Reads a head that must be of this type, and returns its argument. */
  expect(major: number, what: string): number {
    const start = this.offset
    this.head()
    if (this.major !== major) this.fail('BadShape', `expected ${what}`, start)
    return this.arg
  }

  /** Skips `length` bytes and returns where they began. */
  skip(length: number): number {
    const start = this.offset
    if (length > this.left) this.fail('Truncated', `${length} bytes declared, ${this.left} left`)
    this.offset = start + length
    return start
  }

  /** Reads the byte string after the head of tag 42. Returns where the 36 bytes of the CID begin. */
  cid(): number {
    const start = this.offset
    this.head()
    if (this.major !== BYTES || this.arg !== CID_LENGTH + 1)
      this.fail('BadCid', 'a link of another form', start)
    const zeroAt = this.skip(CID_LENGTH + 1)
    if (this.bytes[zeroAt] !== 0 || !isCidAt(this.bytes, zeroAt + 1)) {
      this.fail('BadCid', 'a link must be a CIDv1 of sha-256 over dag-cbor or raw', zeroAt)
    }
    return zeroAt + 1
  }
}
