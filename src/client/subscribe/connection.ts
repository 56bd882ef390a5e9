/** One WebSocket, as a queue that its reader empties at his own pace. */
import { XrpcError } from '../errors.ts'

interface SocketEvent {
  readonly type: string
  readonly data?: unknown
  readonly code?: number
  readonly reason?: string
  readonly message?: string
}

/** What is used of a WebSocket: the browsers' one has it, Node's, that of Workers, and the package `ws`. */
export interface Socket {
  binaryType?: string
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: SocketEvent) => void): void
  close(code?: number): void
}

export type SocketConstructor = new (url: string) => Socket

export interface Limits {
  /** Bytes that may wait to be read. */
  buffer: number
  /** Milliseconds for the handshake, and without a frame. */
  handshake: number
  idle: number
}

/** Why no more frames come: the reader was slow, or `error`. */
export interface End {
  opened: boolean
  full?: boolean
  error: XrpcError
}

export interface Connection {
  /** The next frame, or why there is none. */
  next(): Promise<Uint8Array | End>
  close(): void
}

interface Waiting {
  frame: Uint8Array
  next?: Waiting
}

export function open(url: string, Socket: SocketConstructor, limits: Limits): Connection {
  // A list, not an array: what was read is let go of at once, however long the queue.
  let first: Waiting | undefined
  let last: Waiting | undefined
  let waiting = 0
  let opened = false
  let end: End | undefined
  let wake = () => {}
  let heard = Date.now()

  const socket = new Socket(url)
  socket.binaryType = 'arraybuffer'

  const finish = (reason: string, full = false): void => {
    if (end) return
    end = { opened, full, error: new XrpcError('NetworkError', `${url}: ${reason}`) }
    clearInterval(timer)
    // Whatever still arrives is asked for again.
    socket.close()
    wake()
  }
  const timer = setInterval(
    () => {
      const silence = Date.now() - heard
      if (silence >= (opened ? limits.idle : limits.handshake)) finish(`no sign of life for ${silence} ms`)
    },
    Math.min(limits.handshake, limits.idle) / 4,
  )
  socket.addEventListener('open', () => {
    opened = true
    heard = Date.now()
  })
  socket.addEventListener('message', ({ data }) => {
    if (end) return
    opened = true
    heard = Date.now()
    if (!(data instanceof ArrayBuffer)) return finish('a message that is not binary')
    const entry: Waiting = { frame: new Uint8Array(data) }
    if (last) last.next = entry
    first ??= entry
    last = entry
    waiting += data.byteLength
    // No WebSocket lets its reader ask for less. So he reads what is here, and comes back for the rest.
    if (waiting > limits.buffer) finish('more waits than the buffer holds', true)
    wake()
  })
  socket.addEventListener('close', ({ code, reason }) => finish(`closed (${code}) ${reason ?? ''}`))
  socket.addEventListener('error', ({ message }) => finish(message || 'no connection'))

  return {
    async next() {
      for (;;) {
        if (first) {
          const { frame, next } = first
          first = next
          if (!next) last = undefined
          waiting -= frame.length
          return frame
        }
        if (end) return end
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
    close: () => finish('closed'),
  }
}
