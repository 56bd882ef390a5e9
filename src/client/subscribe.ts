/**
 * A PDS's event stream, or a relay's. Published as `cirrus-pds/client/subscribe`, apart from the client: it brings
 * a decoder of its own. Messages are CBOR, not JSON, so byte strings are `Uint8Array`; links are `{ $link }`, as
 * everywhere in the client.
 */
import { originOf } from './host.ts'
import { backoff, sleep, worthIt } from './retry.ts'
import { open, type SocketConstructor } from './subscribe/connection.ts'
import { ID, type Info, type RepoEvent } from './subscribe/event.ts'
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
  /** The `seq` of the last event that was dealt with: the stream goes on after it. Without one it begins now. */
  cursor?: number | undefined
  /** Ends the stream, without an error. */
  signal?: AbortSignal
  /** Told what the server says about the stream: `OutdatedCursor`, when events after the cursor are gone. */
  onInfo?: (info: Info) => void
  /** Told why the connection was lost, and in how many milliseconds there is another. */
  onRetry?: (error: XrpcError, wait: number) => void
  /** Failures in a row before giving up: 5 until the first connection stands, from then on any number. */
  retries?: number
  /** Bytes of events that may wait for the reader: 16 MiB. Beyond, the connection is closed until he has read them. */
  buffer?: number
  /** Milliseconds without an event after which a connection is taken for dead and opened again: 10 minutes. */
  idle?: number
  /** Instead of the global one: the package `ws`, for example. */
  WebSocket?: SocketConstructor
}

const HANDSHAKE = 20_000
/** The longest wait between two attempts. */
const MAX_WAIT = 60_000
/** What a connection must have lasted for, if it brought nothing, to count as one that worked. */
const STABLE = 60_000

/**
 * Every event after `cursor`, once and in order, until the signal, a `break`, or an error that no new attempt
 * would mend: `FutureCursor`, what the server refuses for good, or a frame that is none. A lost connection is
 * opened again after the last event that was read.
 */
export function subscribeRepos(
  host: string,
  options: SubscribeOptions = {},
): AsyncGenerator<RepoEvent, void, undefined> {
  const { cursor } = options
  const url = `${originOf(host).replace('http', 'ws')}/xrpc/${ID}`
  const Socket: SocketConstructor | undefined = options.WebSocket ?? globalThis.WebSocket
  if (!Socket) throw new TypeError('there is no WebSocket here: pass one as an option')
  if (cursor !== undefined && !(Number.isSafeInteger(cursor) && cursor >= 0))
    throw new TypeError(`${cursor} is no cursor`)
  return follow(url, Socket, options)
}

async function* follow(
  url: string,
  Socket: SocketConstructor,
  { cursor, signal, onInfo, onRetry, retries, buffer = 2 ** 24, idle = 600_000 }: SubscribeOptions,
): AsyncGenerator<RepoEvent, void, undefined> {
  let last = cursor
  let failures = 0
  let stood = false
  for (;;) {
    if (signal?.aborted) return
    const begin = Date.now()
    const from = last === undefined ? '' : `?cursor=${last}`
    const connection = open(url + from, Socket, { buffer, idle, handshake: HANDSHAKE })
    signal?.addEventListener('abort', connection.close)
    let error: XrpcError | undefined
    try {
      for (;;) {
        const frame = await connection.next()
        if (signal?.aborted) return
        if (!(frame instanceof Uint8Array)) {
          stood ||= frame.opened
          if (!frame.full) ({ error } = frame)
          break
        }
        const message = read(frame)
        if (message instanceof XrpcError) {
          error = message
          break
        }
        failures = 0
        stood = true
        const { event, info, seq } = message
        if (info) onInfo?.(info)
        // A number that was there before: a server that repeats itself.
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
    if (Date.now() - begin > STABLE) failures = 0
    if (failures >= (retries ?? (stood ? Infinity : 5))) throw error
    const wait = Math.min(backoff(failures++), MAX_WAIT)
    onRetry?.(error, wait)
    await sleep(wait, signal).catch(() => {})
  }
}

/** A message, or an error after which another attempt makes sense. */
function read(frame: Uint8Array): Message | XrpcError {
  try {
    return readFrame(frame)
  } catch (error) {
    if (worthIt(error) || (error instanceof XrpcError && error.error === 'ConsumerTooSlow')) return error
    throw error
  }
}
