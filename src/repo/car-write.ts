import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'

/** A block and the CID of its bytes. */
export interface CarBlock {
  readonly cid: Cid
  readonly bytes: Uint8Array
}

// Large enough that a chunk's own cost does not matter, small enough that many can be on their way.
const CHUNK = 64 * 1024

const varint = (value: number): number[] => {
  const bytes = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return [...bytes, rest]
}

/** The header of a CAR with this root, or with none (`getBlocks`). */
export const carHeader = (root: Cid | null): Uint8Array => {
  const header = encode({ roots: root ? [root] : [], version: 1 })
  return new Uint8Array([...varint(header.length), ...header])
}

/** One block of a CAR: length, CID, bytes. */
export const carSection = (cid: Cid, bytes: Uint8Array): Uint8Array => {
  const head = varint(cid.bytes.length + bytes.length)
  const section = new Uint8Array(head.length + cid.bytes.length + bytes.length)
  section.set(head)
  section.set(cid.bytes, head.length)
  section.set(bytes, head.length + cid.bytes.length)
  return section
}

const concat = (parts: readonly Uint8Array[], length: number): Uint8Array => {
  const [only] = parts
  if (parts.length === 1 && only) return only
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/**
 * A CAR as a stream, in chunks of about 64 KiB. Nothing is read before somebody asks for it, so a slow
 * reader slows the source down; a reader who leaves ends it (`return`), and its error ends the stream.
 */
export const carStream = (
  root: Cid | null,
  blocks: AsyncIterable<CarBlock> | Iterable<CarBlock>,
): ReadableStream<Uint8Array> => {
  const iterator = Symbol.asyncIterator in blocks ? blocks[Symbol.asyncIterator]() : blocks[Symbol.iterator]()
  let parts = [carHeader(root)]
  // The first chunk ends with the first block, and the next ones grow: what is sent is written once the chunk after
  // it is made, so that the first byte would wait for two large ones.
  let enough = 1
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        let length = 0
        let done = false
        while (length < enough) {
          const next = await iterator.next()
          if (next.done) {
            done = true
            break
          }
          const section = carSection(next.value.cid, next.value.bytes)
          parts.push(section)
          length += section.length
        }
        length = parts.reduce((sum, part) => sum + part.length, 0)
        if (length > 0) controller.enqueue(concat(parts, length))
        enough = Math.min(CHUNK, enough * 64)
        parts = []
        if (done) controller.close()
      },
      cancel: async () => {
        await iterator.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}
