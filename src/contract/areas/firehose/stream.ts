import { decode } from '@atproto/lex-cbor'
import { XrpcError } from '../../../client/subscribe.ts'
import { decodeFirst } from '../../../client/subscribe/cbor.ts'
import { openConnection } from '../../../client/subscribe/connection.ts'
import { isObject, type JsonObject } from '../../../isObject.ts'
import { queryString, type Query } from '../../ask.ts'
import type { Run } from '../../types.ts'

export const SUBSCRIBE = 'com.atproto.sync.subscribeRepos'

/** One message of the stream, as it came. */
export interface Frame {
  readonly bytes: Uint8Array
  /** 1: a message. -1: an error. */
  readonly op: number
  /** `#commit`; empty for an error. */
  readonly type: string
  readonly seq: number | undefined
  /** CIDs and bytes as @atproto/lexicon takes them. */
  readonly body: JsonObject
}

/** Why no more frames come. */
export interface Ended {
  /** The handshake was accepted. */
  readonly opened: boolean
  readonly silent: boolean
  readonly reason: string
}

export interface Stream {
  /** The next frame. Throws for a message that cannot be read. */
  next(): Promise<Frame | Ended>
  close(): void
}

export const hasEnded = (next: Frame | Ended): next is Ended => 'opened' in next

const HANDSHAKE_MS = 20_000
/** Until the handshakes of some sockets are done. An event that comes too early is missed, and said to be. */
export const OPENING_MS = 1_000
/** An event is there within seconds of what it tells; a replay begins at once. */
const PATIENCE_MS = 8_000
/** What may wait to be read: more than the suite ever lets wait. */
const BUFFER_BYTES = 64 * 1024 * 1024

/** Reads a frame: two DAG-CBOR objects, header and body, and nothing behind them. */
export function readFrame(bytes: Uint8Array): Frame {
  const { value: header, end } = decodeFirst(bytes)
  const body: unknown = decode(bytes.subarray(end))
  if (!isObject(header) || !isObject(body)) throw new TypeError('a frame that is not two objects')
  const { op, t } = header
  if (typeof op !== 'number') throw new TypeError('a header without `op`')
  const seq = body['seq']
  return {
    bytes,
    op,
    type: typeof t === 'string' ? t : '',
    seq: typeof seq === 'number' ? seq : undefined,
    body,
  }
}

/** Opens the stream of the server under test. */
export function openStream({ origin, deps }: Run, query: Query): Stream {
  const url = `${origin.replace(/^http/, 'ws')}/xrpc/${SUBSCRIBE}${queryString(query)}`
  const connection = openConnection(url, deps.WebSocket, {
    bufferBytes: BUFFER_BYTES,
    handshakeMs: HANDSHAKE_MS,
    idleMs: deps.patienceMs ?? PATIENCE_MS,
  })
  return {
    async next() {
      const next = await connection.next()
      if (next instanceof Uint8Array) return readFrame(next)
      const reason = next.error instanceof XrpcError ? next.error.message : String(next.error)
      return { opened: next.opened, silent: reason.includes('no sign of life'), reason }
    },
    close: () => connection.close(),
  }
}

/** The first frames of a stream: until there are so many, or no more come. */
export async function readFrames(
  run: Run,
  query: Query,
  most: number,
): Promise<{ frames: Frame[]; ended: Ended | undefined }> {
  const stream = openStream(run, query)
  const frames: Frame[] = []
  try {
    while (frames.length < most) {
      const next = await stream.next()
      if (hasEnded(next)) return { frames, ended: next }
      frames.push(next)
    }
    return { frames, ended: undefined }
  } finally {
    stream.close()
  }
}
