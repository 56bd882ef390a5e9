import { CodedError } from '../codedError.ts'

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

/** `0xf6`: the third and last value of major type 7 that atproto data may hold. */
export const NULL = 22

// A binary CID: version 1, codec, sha-256, 32 bytes of digest. In CBOR a zero byte stands before it.
export const CID_LENGTH = 36

/** Whether the 36 bytes at `at` are a CIDv1 of sha-256 over dag-cbor or raw. Atproto knows no other. */
export const isCidAt = (bytes: Uint8Array, at: number): boolean =>
  at + CID_LENGTH <= bytes.length &&
  bytes[at] === 1 &&
  (bytes[at + 1] === 0x71 || bytes[at + 1] === 0x55) &&
  bytes[at + 2] === 0x12 &&
  bytes[at + 3] === 0x20

/**
 * Reads the heads of CBOR items off a byte array. It allocates nothing and never looks past the end;
 * a length that a head declares is compared with what is left before anyone acts on it.
 */
export class CborReader {
  readonly bytes: Uint8Array
  at = 0
  /** The major type of the last head. */
  major = 0
  /** The argument of the last head. */
  arg = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  fail(code: CborErrorCode, message: string, offset = this.at): never {
    throw new CborError(code, message, offset)
  }

  private byte(): number {
    const byte = this.bytes[this.at]
    if (byte === undefined) this.fail('Truncated', 'the input ends inside an item')
    this.at++
    return byte
  }

  private uint(width: number): number {
    let value = 0
    for (let i = 0; i < width; i++) value = value * 256 + this.byte()
    return value
  }

  /** Reads one head into `major` and `arg`. Floats and simple values keep their additional info in `arg`. */
  head(): void {
    const start = this.at
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

  /** A head that must be of this type. */
  expect(major: number, what: string): number {
    const start = this.at
    this.head()
    if (this.major !== major) this.fail('BadShape', `expected ${what}`, start)
    return this.arg
  }

  /** Steps over `length` bytes and answers where they began. */
  skip(length: number): number {
    const start = this.at
    if (length > this.left) this.fail('Truncated', `${length} bytes declared, ${this.left} left`)
    this.at = start + length
    return start
  }

  /** After the head of tag 42: its byte string. Answers where the 36 bytes of the CID begin. */
  cid(): number {
    const start = this.at
    this.head()
    if (this.major !== BYTES || this.arg !== CID_LENGTH + 1)
      this.fail('BadCid', 'a link of another form', start)
    const at = this.skip(CID_LENGTH + 1)
    if (this.bytes[at] !== 0 || !isCidAt(this.bytes, at + 1)) {
      this.fail('BadCid', 'a link must be a CIDv1 of sha-256 over dag-cbor or raw', at)
    }
    return at + 1
  }
}
