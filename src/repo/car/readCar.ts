import { decodeCid } from '@atproto/lex-data'
import type { Cid } from '@atproto/lex-data'
import { chunksOf } from '../../streams/chunks.ts'
import type { Chunks } from '../../streams/chunks.ts'
import type { Block } from '../block.ts'
import { CborError, decodeBlock } from '../cbor.ts'
import { CID_LENGTH, isCidAt } from '../cidBytes.ts'
import { sameDigest, sha256 as nodeSha256 } from '../sha256.ts'
import type { Sha256 } from '../sha256.ts'
import { CarError, type CarErrorCode } from './carError.ts'
import { SectionReader } from './sectionReader.ts'

/** Limits, each checked before the memory that it guards is taken. */
export interface CarLimits {
  /** Bytes of the header; by default 4 KiB. */
  header?: number
  /** Bytes of a section, its CID included; by default 2 MiB. */
  section?: number
  /** Bytes of the whole CAR; by default 1 GiB. */
  total?: number
  /** How many blocks; by default five million. */
  blocks?: number
  /** Whether a length may be written in more bytes than it needs. Runs then have it as it is. */
  paddedLengths?: boolean
  sha256?: Sha256
}

/** A block, and where its bytes begin in the CAR. */
export interface CarBlock extends Block {
  readonly offset: number
}

/** A CAR whose header has been read. Its blocks can be read once, one by one or in runs of whole sections. */
export interface CarReader extends AsyncIterable<CarBlock> {
  readonly roots: readonly Cid[]
  /** Where the first section begins, in bytes. */
  readonly headerLength: number
  /** Whole sections one after the other, as in the CAR, and checked. A run is valid until the next is asked for. */
  runs(): AsyncGenerator<Uint8Array, void, void>
  /** Cancels the input without reading the rest. */
  cancel(reason?: unknown): Promise<void>
}

const BUFFER_BYTES = 256 * 1024

interface Varint {
  value: number
  length: number
}

/** What has been read of the CAR and not yet parsed, in a buffer that grows only to a length that was checked. */
class Input {
  private readonly source: Chunks
  private readonly total: number
  private readonly paddedLengths: boolean
  private buffer = new Uint8Array(BUFFER_BYTES)
  private start = 0
  private end = 0
  private chunk: Uint8Array = new Uint8Array(0)
  private seen = 0
  private ended = false

  constructor(source: Chunks, total: number, paddedLengths: boolean) {
    this.source = source
    this.total = total
    this.paddedLengths = paddedLengths
  }

  get available(): number {
    return this.end - this.start
  }

  /** The varint after `skip` bytes and the number of its bytes; undefined when it is not complete yet. */
  varint(skip = 0): Varint | undefined {
    let value = 0
    for (let i = 0; skip + i < this.available; i++) {
      const byte = this.buffer[this.start + skip + i] ?? 0
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) {
        if (byte === 0 && i > 0 && !this.paddedLengths)
          throw new CarError('BadVarint', 'a length in more bytes than it needs')
        return { value, length: i + 1 }
      }
      if (i === 6) throw new CarError('BadVarint', 'a length of more than 49 bits')
    }
    return undefined
  }

  /** Bytes that are known to be available, valid until more are read. */
  peek(skip: number, length: number): Uint8Array {
    const from = this.start + skip
    return this.buffer.subarray(from, from + length)
  }

  /** Goes on by this many bytes. */
  advance(length: number): void {
    this.start += length
  }

  /** Reads until the buffer is full and holds at least `least` bytes. False where the input ends before that. */
  async fill(least: number): Promise<boolean> {
    if (this.start > 0) {
      this.buffer.copyWithin(0, this.start, this.end)
      this.end -= this.start
      this.start = 0
    }
    if (least > this.buffer.length) {
      const larger = new Uint8Array(least)
      larger.set(this.buffer.subarray(0, this.end))
      this.buffer = larger
    }
    while (this.end < this.buffer.length && !this.ended) {
      if (this.chunk.length === 0) {
        const next = await this.source.next()
        if (!next) {
          this.ended = true
          break
        }
        this.chunk = next
        this.seen += this.chunk.length
        if (this.seen > this.total) throw new CarError('TooLarge', `a CAR of more than ${this.total} bytes`)
      }
      const fitting = this.chunk.subarray(0, this.buffer.length - this.end)
      this.buffer.set(fitting, this.end)
      this.end += fitting.length
      this.chunk = this.chunk.subarray(fitting.length)
    }
    return this.available >= least
  }
}

const parseHeader = (bytes: Uint8Array): Cid[] => {
  let header
  try {
    header = decodeBlock(bytes, { depth: 2 })
  } catch (cause) {
    if (cause instanceof CborError) throw new CarError('BadHeader', `the CAR's header: ${cause.message}`)
    throw cause
  }
  if (header === null || typeof header !== 'object' || !('version' in header) || !('roots' in header)) {
    throw new CarError('BadHeader', "the CAR's header is not a map of roots and version")
  }
  // Unknown fields mean nothing for the blocks.
  const { version, roots } = header
  if (version !== 1) throw new CarError('BadHeader', 'only version 1 of CAR is read')
  if (!Array.isArray(roots)) throw new CarError('BadHeader', "the CAR's roots are not a list")
  // The CID inside a CBOR link has been checked already; anything else in the list is not a link.
  return roots.map((root) => {
    if (root !== null && typeof root === 'object' && 'multihash' in root && 'bytes' in root)
      return root as Cid
    throw new CarError('BadHeader', 'a root that is not a link')
  })
}

/**
 * Reads a CAR from a stream: the header at once, then the blocks as they are asked for. Every CID must have the one
 * form that atproto knows, and every block's hash is checked. Memory stays bounded whatever the input declares. A
 * CAR that was cut exactly between two blocks is complete as a CAR: it is `verifyRepo` that notices what is missing.
 */
export const readCar = async (
  body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  limits: CarLimits = {},
): Promise<CarReader> => {
  const { header = 4096, section = 2 * 1024 * 1024, total = 2 ** 30, blocks = 5_000_000 } = limits
  const sha256 = limits.sha256 ?? nodeSha256
  const source = chunksOf(body)
  const input = new Input(source, total, limits.paddedLengths ?? false)
  let count = 0

  /** The length after `skip` bytes, if it has been read; the bytes that it declares may not have been. */
  const declaredLength = (most: number, code: CarErrorCode, skip = 0) => {
    const head = input.varint(skip)
    if (!head) return undefined
    if (head.value > most) throw new CarError(code, `${head.value} bytes declared, ${most} allowed`)
    return head
  }
  const isRead = (head: Varint, skip: number): boolean => input.available >= skip + head.length + head.value

  /** Reads the next length and all the bytes that it declares; undefined at the end of the input. */
  const readNext = async (most: number, code: CarErrorCode): Promise<Varint | undefined> => {
    let head = declaredLength(most, code)
    if (!head) {
      await input.fill(1)
      head = declaredLength(most, code)
      if (!head && input.available > 0) throw new CarError('TruncatedCar', 'the CAR ends inside a length')
    }
    if (head && !isRead(head, 0) && !(await input.fill(head.length + head.value)))
      throw new CarError('TruncatedCar', 'the CAR ends inside a section')
    return head
  }

  const check = (whole: Uint8Array): void => {
    if (++count > blocks) throw new CarError('TooManyBlocks', `more than ${blocks} blocks`)
    if (!isCidAt(whole, 0))
      throw new CarError('BadCid', `block ${count}: not a CIDv1 of sha-256 over dag-cbor or raw`)
    if (!sameDigest(sha256(whole.subarray(CID_LENGTH)), whole.subarray(4, CID_LENGTH))) {
      const cid = decodeCid(whole.slice(0, CID_LENGTH))
      throw new CarError('HashMismatch', `the bytes of ${cid.toString()} have another hash`)
    }
  }

  async function* runs(): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (;;) {
        // Only the first section of a run waits for input; the others have been read already.
        let head = await readNext(section, 'SectionTooLarge')
        if (!head) return
        let length = 0
        while (head && isRead(head, length)) {
          check(input.peek(length + head.length, head.value))
          length += head.length + head.value
          head = declaredLength(section, 'SectionTooLarge', length)
        }
        yield input.peek(0, length)
        input.advance(length)
      }
    } finally {
      await source.cancel()
    }
  }

  let headerLength = 0
  async function* each(): AsyncGenerator<CarBlock, void, void> {
    let before = headerLength
    for await (const run of runs()) {
      // Each block is a copy, so that keeping one does not keep the buffer.
      for (const sections = new SectionReader(run); sections.next();) {
        const cid = decodeCid(run.slice(sections.cidAt, sections.blockAt))
        const offset = before + sections.blockAt
        yield { cid, bytes: run.slice(sections.blockAt, sections.end), offset }
      }
      before += run.length
    }
  }

  try {
    const head = await readNext(header, 'BadHeader')
    if (!head) throw new CarError('TruncatedCar', 'an empty CAR')
    const roots = parseHeader(input.peek(head.length, head.value).slice())
    headerLength = head.length + head.value
    input.advance(headerLength)
    return {
      roots,
      headerLength,
      runs,
      [Symbol.asyncIterator]: each,
      cancel: source.cancel,
    }
  } catch (error) {
    await source.cancel()
    throw error
  }
}
