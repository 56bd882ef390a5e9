import { XrpcError } from '../errors.ts'

interface SocketEvent {
  readonly type: string
  readonly data?: unknown
  readonly code?: number
  readonly reason?: string
  readonly message?: string
}

/** What is used of a WebSocket. That of browsers, Node, Workers and the package `ws` has it. */
export interface Socket {
  binaryType?: string
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: SocketEvent) => void): void
  close(code?: number): void
}

export type SocketConstructor = new (url: string) => Socket

export interface ConnectionLimits {
  /** Bytes that may wait to be read. */
  bufferBytes: number
  /** Until the handshake is done. */
  handshakeMs: number
  /** Without a frame. */
  idleMs: number
}

/** Why no more frames come. */
export interface End {
  opened: boolean
  /** The reader was slower than the sender. Otherwise the reason is `error`. */
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

/** Opens a WebSocket whose frames wait in a queue until they are read. */
export function openConnection(url: string, Socket: SocketConstructor, limits: ConnectionLimits): Connection {
  // A linked list, not an array: what was read is freed at once, however long the queue is.
  let first: Waiting | undefined
  let last: Waiting | undefined
  let waitingBytes = 0
  let opened = false
  let end: End | undefined
  let wake = () => {}
  let lastHeard = Date.now()

  const socket = new Socket(url)
  socket.binaryType = 'arraybuffer'

  const finish = (reason: string, full = false): void => {
    if (end) return
    end = { opened, full, error: new XrpcError('NetworkError', `${url}: ${reason}`) }
    clearInterval(timer)
    // What still arrives will be asked for again.
    socket.close()
    wake()
  }
  const timer = setInterval(
    () => {
      const silentMs = Date.now() - lastHeard
      if (silentMs >= (opened ? limits.idleMs : limits.handshakeMs))
        finish(`no sign of life for ${silentMs} ms`)
    },
    Math.min(limits.handshakeMs, limits.idleMs) / 4,
  )
  socket.addEventListener('open', () => {
    opened = true
    lastHeard = Date.now()
  })
  socket.addEventListener('message', ({ data }) => {
    if (end) return
    opened = true
    lastHeard = Date.now()
    if (!(data instanceof ArrayBuffer)) return finish('a message that is not binary')
    const entry: Waiting = { frame: new Uint8Array(data) }
    if (last) last.next = entry
    first ??= entry
    last = entry
    waitingBytes += data.byteLength
    // A WebSocket cannot be slowed down. The reader reads what is here, and then connects again for the rest.
    if (waitingBytes > limits.bufferBytes) finish('more waits than the buffer holds', true)
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
          waitingBytes -= frame.length
          return frame
        }
        if (end) return end
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
    close: () => finish('closed'),
  }
}
