import { decodeCid } from '@atproto/lex-data'
import type { Cid } from '@atproto/lex-data'
import { CborError, decodeBlock } from './cbor.ts'
import { isCidAt } from './cursor.ts'
import { sameDigest, sha256 as nodeSha256 } from './sha256.ts'
import type { Sha256 } from './sha256.ts'
import type { CarBlock } from './car-write.ts'
import { chunksOf } from './chunks.ts'
import type { Chunks } from './chunks.ts'

export type { CarBlock } from './car-write.ts'
export { carHeader, carSection, carStream } from './car-write.ts'

/** Why a CAR was refused. */
export type CarErrorCode =
  | 'TruncatedCar'
  | 'BadHeader'
  | 'SectionTooLarge'
  | 'BadCid'
  | 'HashMismatch'
  | 'TooManyBlocks'
  | 'TooLarge'
  | 'BadVarint'

/** A CAR that is cut, damaged, or larger than allowed. */
export class CarError extends Error {
  override readonly name = 'CarError'
  readonly code: CarErrorCode

  constructor(code: CarErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Caps, each checked before the memory that it guards is taken. */
export interface CarLimits {
  /** Bytes of the header; 4 KiB. */
  header?: number
  /** Bytes of a section, its CID included; 2 MiB. */
  section?: number
  /** Bytes of the whole CAR; 1 GiB. */
  total?: number
  /** Blocks; five million. */
  blocks?: number
  sha256?: Sha256
}

/** A CAR whose header has been read. Its blocks can be taken once, one by one or in batches. */
export interface CarReader extends AsyncIterable<CarBlock> {
  readonly roots: readonly Cid[]
  /** The blocks that are at hand, at most about 256 KiB at a time: for writing many in one statement. */
  batches(): AsyncGenerator<CarBlock[], void, void>
  /** Gives the input up without reading the rest. */
  cancel(reason?: unknown): Promise<void>
}

const CID_LENGTH = 36
const BATCH = 256 * 1024

/** How much of the CAR has been read and not yet parsed, in a buffer that grows only as a checked length asks. */
class Input {
  private readonly source: Chunks
  private readonly total: number
  private buffer = new Uint8Array(BATCH)
  private start = 0
  private end = 0
  private chunk: Uint8Array = new Uint8Array(0)
  private seen = 0
  private ended = false

  constructor(source: Chunks, total: number) {
    this.source = source
    this.total = total
  }

  get available(): number {
    return this.end - this.start
  }

  /** The varint at the front and the bytes it takes; undefined when it is not complete yet. */
  varint(): { value: number; length: number } | undefined {
    let value = 0
    for (let i = 0; i < this.available; i++) {
      const byte = this.buffer[this.start + i] ?? 0
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) {
        if (byte === 0 && i > 0) throw new CarError('BadVarint', 'a length in more bytes than it needs')
        return { value, length: i + 1 }
      }
      if (i === 6) throw new CarError('BadVarint', 'a length of more than 49 bits')
    }
    return undefined
  }

  /** Takes bytes that are known to be available: a copy, so that a kept block does not keep the buffer. */
  take(skip: number, length: number): Uint8Array {
    const from = this.start + skip
    this.start = from + length
    return this.buffer.slice(from, from + length)
  }

  /** Reads until the buffer is full and holds at least `least` bytes. False: not that many will come. */
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
      const part = this.chunk.subarray(0, this.buffer.length - this.end)
      this.buffer.set(part, this.end)
      this.end += part.length
      this.chunk = this.chunk.subarray(part.length)
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
    throw new CarError('BadHeader', "the CAR's header is no map of roots and version")
  }
  const { version, roots } = header
  if (version !== 1) throw new CarError('BadHeader', 'only version 1 of CAR is read')
  if (Object.keys(header).length !== 2) throw new CarError('BadHeader', "unknown fields in the CAR's header")
  if (!Array.isArray(roots)) throw new CarError('BadHeader', "the CAR's roots are no list")
  // Inside a CBOR link every CID has been checked already; anything else in the list is no link.
  return roots.map((root) => {
    if (root !== null && typeof root === 'object' && 'multihash' in root && 'bytes' in root)
      return root as Cid
    throw new CarError('BadHeader', 'a root that is no link')
  })
}

/**
 * Reads a CAR off a stream: the header at once, then the blocks as they are asked for. Every CID is of
 * the one form that atproto knows and every block's hash is checked. Memory stays flat whatever the
 * input declares. A CAR cut exactly between two blocks is whole as a CAR: `verifyRepo` misses the rest.
 */
export const readCar = async (
  body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  limits: CarLimits = {},
): Promise<CarReader> => {
  const { header = 4096, section = 2 * 1024 * 1024, total = 2 ** 30, blocks = 5_000_000 } = limits
  const sha256 = limits.sha256 ?? nodeSha256
  const source = chunksOf(body)
  const input = new Input(source, total)
  let count = 0

  /** A length and the bytes it announces, which then are in the buffer. */
  const announced = async (most: number, code: CarErrorCode, wait: boolean) => {
    let head = input.varint()
    if (!head && wait) {
      await input.fill(1)
      head = input.varint()
      if (!head && input.available > 0) throw new CarError('TruncatedCar', 'the CAR ends inside a length')
    }
    if (!head) return undefined
    if (head.value > most) throw new CarError(code, `${head.value} bytes declared, ${most} allowed`)
    const whole = head.length + head.value
    if (input.available < whole) {
      if (!wait) return undefined
      if (!(await input.fill(whole))) throw new CarError('TruncatedCar', 'the CAR ends inside a section')
    }
    return head
  }

  const block = (skip: number, length: number): CarBlock => {
    if (++count > blocks) throw new CarError('TooManyBlocks', `more than ${blocks} blocks`)
    const whole = input.take(skip, length)
    if (!isCidAt(whole, 0))
      throw new CarError('BadCid', `block ${count}: not a CIDv1 of sha-256 over dag-cbor or raw`)
    const cid = decodeCid(whole.subarray(0, CID_LENGTH))
    const bytes = whole.subarray(CID_LENGTH)
    if (!sameDigest(sha256(bytes), cid.multihash.digest)) {
      throw new CarError('HashMismatch', `the bytes of ${cid.toString()} have another hash`)
    }
    return { cid, bytes }
  }

  async function* batches(): AsyncGenerator<CarBlock[], void, void> {
    try {
      for (;;) {
        const batch: CarBlock[] = []
        let size = 0
        // Only the first block of a batch waits for input; the others are there already.
        while (size < BATCH) {
          const head = await announced(section, 'SectionTooLarge', batch.length === 0)
          if (!head) break
          batch.push(block(head.length, head.value))
          size += head.value
        }
        if (batch.length === 0) return
        yield batch
      }
    } finally {
      await source.cancel()
    }
  }

  async function* each(): AsyncGenerator<CarBlock, void, void> {
    for await (const batch of batches()) yield* batch
  }

  try {
    const head = await announced(header, 'BadHeader', true)
    if (!head) throw new CarError('TruncatedCar', 'an empty CAR')
    const roots = parseHeader(input.take(head.length, head.value))
    return {
      roots,
      batches,
      [Symbol.asyncIterator]: each,
      cancel: source.cancel,
    }
  } catch (error) {
    await source.cancel()
    throw error
  }
}
