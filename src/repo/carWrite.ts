import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'

/** A block and the CID of its bytes. */
export interface Block {
  readonly cid: Cid
  readonly bytes: Uint8Array
}

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

/** Where the bytes of a stream come from, piece by piece. */
export interface Pieces {
  /** The next piece; undefined at the end. */
  next(): Uint8Array | undefined
  /** The reader has left. */
  cancel(): void
}

/**
 * A stream of pieces, each made when somebody asks for it, so that a slow reader slows the source down;
 * its error ends the stream.
 */
export const byteStream = (pieces: Pieces): ReadableStream<Uint8Array> =>
  new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const piece = pieces.next()
        if (piece) controller.enqueue(piece)
        else controller.close()
      },
      cancel: () => pieces.cancel(),
    },
    { highWaterMark: 0 },
  )
