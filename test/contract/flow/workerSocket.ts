import { encode } from '@atproto/lex-cbor'
import type { LexMap } from '@atproto/lex-data'
import type { SocketConstructor } from '../../../src/client/subscribe.ts'
import { readFrame } from '../../../src/contract/areas/firehose/stream.ts'
import type { JsonObject } from '../../../src/isObject.ts'

/** A message on its way to the suite. */
export interface Sent {
  readonly bytes: Uint8Array
  /** `#commit`; empty for an error. */
  readonly type: string
  readonly body: JsonObject
  /** How many messages of this socket came before it. */
  readonly index: number
  readonly url: URL
  /** How many sockets were opened before this one. */
  readonly socket: number
}

/** What arrives in place of a message; 'close' ends the socket. */
export type SpoilFrame = (sent: Sent) => readonly (Uint8Array | 'close')[]

/** The frame with some fields replaced. */
export const frameWith = ({ type, body }: Sent, changed: JsonObject): Uint8Array => {
  // Values out of a frame, which encode again.
  const fields = Object.fromEntries(
    Object.entries({ ...body, ...changed }).filter(([, value]) => value !== undefined),
  ) as LexMap
  const [header, rest] = [encode({ op: 1, t: type }), encode(fields)]
  return new Uint8Array([...header, ...rest])
}

/** WebSockets to the Worker, whose messages can be spoiled on their way. */
export function workerSocket(
  fetcher: (request: Request) => Promise<Response>,
  spoil: SpoilFrame = ({ bytes }) => [bytes],
): SocketConstructor {
  let sockets = 0
  class WorkerSocket extends EventTarget {
    binaryType = 'arraybuffer'
    #socket: WebSocket | undefined
    #isClosed = false

    constructor(url: string) {
      super()
      void this.#open(new URL(url.replace(/^ws/, 'http')), sockets++)
    }

    close(): void {
      this.#isClosed = true
      this.#socket?.close(1000)
    }

    #tell(type: string, more: object = {}): void {
      this.dispatchEvent(Object.assign(new Event(type), more))
    }

    async #open(url: URL, socket: number): Promise<void> {
      const answer = await fetcher(new Request(url, { headers: { upgrade: 'websocket' } }))
      const own = answer.webSocket
      if (!own) return this.#tell('error', { message: `refused with ${answer.status}` })
      own.accept()
      own.binaryType = 'arraybuffer'
      this.#socket = own
      if (this.#isClosed) return own.close(1000)
      let index = 0
      this.#tell('open')
      own.addEventListener('message', ({ data }) => {
        if (!(data instanceof ArrayBuffer)) return this.#tell('message', { data })
        const bytes = new Uint8Array(data)
        const { type, body } = readFrame(bytes)
        for (const part of spoil({ bytes, type, body, index: index++, url, socket }))
          if (part === 'close') this.#tell('close', { code: 1000 })
          else this.#tell('message', { data: part.slice().buffer })
      })
      own.addEventListener('close', ({ code, reason }) => this.#tell('close', { code, reason }))
    }
  }
  return WorkerSocket as unknown as SocketConstructor
}
