// A subscriber that keeps every frame as it came, for others to decode.
import { decodeAll } from '@atproto/lex-cbor'

export interface Message {
  readonly type: string
  // Tests look into messages freely.
  readonly body: ReturnType<typeof JSON.parse>
  readonly bytes: Uint8Array
}

/** A frame by the decoder of @atproto/lex-cbor. */
export const decodeFrame = (bytes: Uint8Array): Message => {
  const [header, body, ...rest] = decodeAll(bytes)
  if (rest.length > 0) throw new Error('a frame is two objects and no more')
  const { op, t }: { op?: unknown; t?: unknown } = Object(header)
  return { type: op === 1 ? String(t) : 'error', body, bytes }
}

export interface Recording {
  readonly messages: Message[]
  /** Waits until so many events have come, or one has this number. */
  until(done: (messages: readonly Message[]) => boolean, ms?: number): Promise<Message[]>
  close(): void
}

/** Subscribes, and keeps what comes. */
export const record = async (url: string, cursor?: number): Promise<Recording> => {
  const query = cursor === undefined ? '' : `?cursor=${cursor}`
  const socket = new WebSocket(`${url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos${query}`)
  socket.binaryType = 'arraybuffer'
  const messages: Message[] = []
  let ended: string | undefined
  let changed = Promise.withResolvers<void>()
  const change = () => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  socket.addEventListener('message', ({ data }) => {
    if (!(data instanceof ArrayBuffer)) ended = 'a frame that is not binary'
    else messages.push(decodeFrame(new Uint8Array(data)))
    change()
  })
  const opened = new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('close', ({ code, reason }) => {
      ended ??= `closed: ${code} ${reason}`
      reject(new Error(ended))
      change()
    })
  })
  await opened
  return {
    messages,
    until: async (done, ms = 120_000) => {
      const late = AbortSignal.timeout(ms)
      const expired = new Promise<void>((resolve) => late.addEventListener('abort', () => resolve()))
      while (!done(messages)) {
        if (ended) throw new Error(ended)
        if (late.aborted) throw new Error(`not after ${ms} ms: ${messages.length} messages`)
        await Promise.race([changed.promise, expired])
      }
      return messages
    },
    close: () => socket.close(),
  }
}
