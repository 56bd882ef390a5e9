import { decodeCid } from '@atproto/lex-data'
import type { Cid } from '@atproto/lex-data'
import { chunksOf } from '../../streams/chunks.ts'
import type { Block } from '../block.ts'
import { CID_LENGTH, isCidAt } from '../cidBytes.ts'
import { sameDigest, sha256 as nodeSha256 } from '../sha256.ts'
import type { Sha256 } from '../sha256.ts'
import { CarError, type CarErrorCode } from './carError.ts'
import { CarInput, type Varint } from './carInput.ts'
import { parseHeader } from './parseHeader.ts'
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
  const input = new CarInput(source, total, limits.paddedLengths ?? false)
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
