import { type SocketConstructor, XrpcError } from '../../../client/subscribe.ts'
import { decodeFirst } from '../../../client/subscribe/cbor.ts'
import { openConnection } from '../../../client/subscribe/connection.ts'
import { isObject, type JsonObject } from '../../../isObject.ts'
import { decodeBlock } from '../../../repo/cbor.ts'
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
/** A stream of the suite takes no longer than its writes. One that never rests would be read for ever. */
const STREAM_MS = 10 * 60_000
/** What one stream is read of: the suite's own events take 10 MB, and others write meanwhile. */
const MAX_STREAM_BYTES = 128 * 1024 * 1024
const MAX_STREAM_FRAMES = 50_000
/** The spec's limit: https://atproto.com/specs/event-stream */
const MAX_FRAME_BYTES = 5_000_000

/** Reads a frame: two DAG-CBOR objects, header and body, and nothing behind them. */
export function readFrame(bytes: Uint8Array): Frame {
  if (bytes.length > MAX_FRAME_BYTES) throw new TypeError(`a frame of ${bytes.length} bytes`)
  const { value: header, end } = decodeFirst(bytes)
  const body: unknown = decodeBlock(bytes.subarray(end), { size: MAX_FRAME_BYTES })
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

/** The socket of a run, and whether its handshake is done. */
function watchedSocket(Socket: SocketConstructor): { Socket: SocketConstructor; isOpen(): boolean } {
  let open = false
  const Watched = function (url: string) {
    const socket = new Socket(url)
    socket.addEventListener('open', () => void (open = true))
    return socket
    // A function that gives an object is a constructor of it.
  } as unknown as SocketConstructor
  return { Socket: Watched, isOpen: () => open }
}

/** Opens the stream of the server under test. It ends where it is silent while it is read, and on an interrupt. */
export function openStream({ origin, deps }: Run, query: Query): Stream {
  const { timer, signal, patienceMs = PATIENCE_MS } = deps
  const url = `${origin.replace(/^http/, 'ws')}/xrpc/${SUBSCRIBE}${queryString(query)}`
  const { Socket, isOpen } = watchedSocket(deps.WebSocket)
  const connection = openConnection(url, Socket, {
    bufferBytes: BUFFER_BYTES,
    // Where there are timers, they are those of the run.
    handshakeMs: timer ? STREAM_MS : HANDSHAKE_MS,
    idleMs: timer ? STREAM_MS : patienceMs,
  })
  let [frames, bytes] = [0, 0]
  let stopped: Pick<Ended, 'silent' | 'reason'> | undefined
  const stop = (reason: string, silent = false): void => {
    stopped ??= { silent, reason }
    connection.close()
  }
  const why = (): typeof stopped => stopped
  const interrupt = (): void => stop('interrupted')
  signal.addEventListener('abort', interrupt)
  const timers = [
    timer?.(
      HANDSHAKE_MS,
      () => isOpen() || stop(`no answer to the handshake within ${HANDSHAKE_MS / 1000} s`),
    ),
    timer?.(STREAM_MS, () => stop(`it did not end within ${STREAM_MS / 60_000} minutes`)),
  ]
  /** Stops the stream where nothing comes, from now on. The handshake has its own time. */
  const bePatient = (): (() => void) | undefined => {
    let end = timer?.(patienceMs, function ring() {
      if (isOpen()) stop(`nothing came within ${patienceMs / 1000} s`, true)
      else end = timer(patienceMs, ring)
    })
    return () => end?.()
  }
  return {
    async next() {
      const before = why()
      if (before) return { opened: isOpen(), ...before }
      const endPatience = bePatient()
      const next = await connection.next()
      endPatience?.()
      if (!(next instanceof Uint8Array)) {
        const reason = next.error instanceof XrpcError ? next.error.message : String(next.error)
        return { opened: next.opened, silent: reason.includes('no sign of life'), reason, ...why() }
      }
      bytes += next.length
      if (++frames === MAX_STREAM_FRAMES || bytes > MAX_STREAM_BYTES)
        stop(`it was not read on after ${frames} messages of ${bytes} bytes`)
      return readFrame(next)
    },
    close: () => {
      for (const end of timers) end?.()
      signal.removeEventListener('abort', interrupt)
      connection.close()
    },
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
