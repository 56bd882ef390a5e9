import { originOf } from './host.ts'
import { backoffMs, isRetryable, sleep } from './retry.ts'
import { openConnection, type SocketConstructor } from './subscribe/connection.ts'
import { SUBSCRIBE_REPOS, type Info, type RepoEvent } from './subscribe/event.ts'
import { type Message, readFrame } from './subscribe/frame.ts'
import { XrpcError } from './errors.ts'

export { XrpcError } from './errors.ts'
export { readBlocks, readRecords, type RecordChange } from './subscribe/car.ts'
export { decodeBlock } from './subscribe/cbor.ts'
export type { Socket, SocketConstructor } from './subscribe/connection.ts'
export type {
  AccountEvent,
  CommitEvent,
  IdentityEvent,
  Info,
  RepoEvent,
  SyncEvent,
} from './subscribe/event.ts'

export interface SubscribeOptions {
  /** The `seq` of the last event that was handled: the stream continues after it. Without a cursor it begins now. */
  cursor?: number | undefined
  /** Ends the stream, without an error. */
  signal?: AbortSignal
  /** Called with what the server says about the stream: `OutdatedCursor`, when events after the cursor are gone. */
  onInfo?: (info: Info) => void
  /** Called when the connection is lost, with the reason and the milliseconds until the next attempt. */
  onRetry?: (error: XrpcError, wait: number) => void
  /**
   * Failures in a row before the stream ends with an error: 5 until the first connection is open, then any number.
   */
  retries?: number
  /**
   * Bytes of events that may wait for the reader: 16 MiB. With more, the connection is closed until they are read.
   */
  buffer?: number
  /** Milliseconds without an event after which a connection counts as dead and is opened again: 10 minutes. */
  idle?: number
  /** In place of the global one: for example the package `ws`. */
  WebSocket?: SocketConstructor
}

const HANDSHAKE_MS = 20_000
/** The longest wait between two attempts. */
const MAX_WAIT_MS = 60_000
/** A connection without an event counts as one that worked if it lasted longer than this. */
const STABLE_MS = 60_000

/**
 * Follows the event stream of a PDS or a relay: every event after `cursor`, once and in order, until the signal, a
 * `break`, or an error that another attempt would not change: `FutureCursor`, another refusal of the server, or a frame
 * that cannot be read. A lost connection is opened again after the last event that was read. Messages are CBOR, not
 * JSON, so byte strings are `Uint8Array`; links are `{ $link }`, as everywhere in the client.
 */
export function subscribeRepos(
  host: string,
  options: SubscribeOptions = {},
): AsyncGenerator<RepoEvent, void, undefined> {
  const { cursor } = options
  const url = `${originOf(host).replace('http', 'ws')}/xrpc/${SUBSCRIBE_REPOS}`
  const Socket: SocketConstructor | undefined = options.WebSocket ?? globalThis.WebSocket
  if (!Socket) throw new TypeError('there is no WebSocket here: pass one as an option')
  if (cursor !== undefined && !(Number.isSafeInteger(cursor) && cursor >= 0))
    throw new TypeError(`${cursor} is not a cursor`)
  return follow(url, Socket, options)
}

async function* follow(
  url: string,
  Socket: SocketConstructor,
  { cursor, signal, onInfo, onRetry, retries, buffer = 2 ** 24, idle = 600_000 }: SubscribeOptions,
): AsyncGenerator<RepoEvent, void, undefined> {
  let last = cursor
  let failures = 0
  let everOpened = false
  for (;;) {
    if (signal?.aborted) return
    const begin = Date.now()
    const from = last === undefined ? '' : `?cursor=${last}`
    const connection = openConnection(url + from, Socket, {
      bufferBytes: buffer,
      idleMs: idle,
      handshakeMs: HANDSHAKE_MS,
    })
    signal?.addEventListener('abort', connection.close)
    let error: XrpcError | undefined
    try {
      for (;;) {
        const frame = await connection.next()
        if (signal?.aborted) return
        if (!(frame instanceof Uint8Array)) {
          everOpened ||= frame.opened
          if (!frame.full) ({ error } = frame)
          break
        }
        const message = read(frame)
        if (message instanceof XrpcError) {
          error = message
          break
        }
        failures = 0
        everOpened = true
        const { event, info, seq } = message
        if (info) onInfo?.(info)
        // A `seq` that is not higher: the server repeats an event.
        if (seq === undefined || (last !== undefined && seq <= last)) continue
        last = seq
        if (event) yield event
        if (signal?.aborted) return
      }
    } finally {
      signal?.removeEventListener('abort', connection.close)
      connection.close()
    }
    if (!error) continue
    if (Date.now() - begin > STABLE_MS) failures = 0
    if (failures >= (retries ?? (everOpened ? Infinity : 5))) throw error
    const wait = Math.min(backoffMs(failures++), MAX_WAIT_MS)
    onRetry?.(error, wait)
    await sleep(wait, signal).catch(() => {})
  }
}

/** A message, or an error after which another attempt may succeed. Other errors are thrown. */
function read(frame: Uint8Array): Message | XrpcError {
  try {
    return readFrame(frame)
  } catch (error) {
    if (isRetryable(error) || (error instanceof XrpcError && error.error === 'ConsumerTooSlow')) return error
    throw error
  }
}
