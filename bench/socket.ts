import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import type { Duplex } from 'node:stream'

export interface Follower {
  /** The messages as they arrived, and when the last bytes of each arrived. */
  readonly frames: readonly Uint8Array[]
  readonly times: readonly number[]
  /** Waits until there are this many. */
  until(count: number): Promise<void>
  close(): void
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const CONTINUED = 0
const BINARY = 2
const CLOSE = 8
const PING = 9

/**
 * Follows the event stream of a server, from now on or after a cursor. It splits the frames and does not decode them:
 * the client costs little, so that the figures are those of the server.
 */
export const follow = (host: string, cursor?: number): Promise<Follower> => {
  const key = randomBytes(16).toString('base64')
  const url = new URL('/xrpc/com.atproto.sync.subscribeRepos', host)
  if (cursor !== undefined) url.searchParams.set('cursor', String(cursor))
  const headers = {
    ...{ connection: 'Upgrade', upgrade: 'websocket' },
    ...{ 'sec-websocket-version': '13', 'sec-websocket-key': key },
  }
  return new Promise((resolve, reject) => {
    const asked = request(url.href, { headers, agent: false })
    asked.on('error', reject)
    asked.on('response', (answer) => reject(new Error(`${url.href}: ${answer.statusCode}`)))
    asked.on('upgrade', (answer, socket, head) => {
      const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64')
      if (answer.headers['sec-websocket-accept'] !== accept) reject(new Error(`${url.href}: no WebSocket`))
      else resolve(read(socket, head, url.href))
    })
    asked.end()
  })
}

/** Frames of a client must be masked; the mask here is zero. */
const reply = (opcode: number, payload: Uint8Array): Uint8Array =>
  Buffer.concat([new Uint8Array([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload])

const read = (socket: Duplex, head: Buffer, name: string): Follower => {
  const frames: Uint8Array[] = []
  const times: number[] = []
  let rest: Buffer = head
  let parts: Buffer[] = []
  let failure: Error | undefined
  let waiting: { count: number; resolve(): void; reject(error: Error): void } | undefined

  const fail = (why: string): void => {
    failure ??= new Error(`${name} after ${frames.length} messages: ${why}`)
    waiting?.reject(failure)
  }
  const take = (opcode: number, final: boolean, payload: Buffer): void => {
    if (opcode === PING) socket.write(reply(10, payload))
    else if (opcode === CLOSE)
      fail(`closed, ${payload.length > 1 ? payload.readUInt16BE() : ''} ${payload.subarray(2)}`)
    else if (opcode === BINARY || opcode === CONTINUED) {
      parts.push(payload)
      if (!final) return
      frames.push(parts.length === 1 ? payload : Buffer.concat(parts))
      times.push(performance.now())
      parts = []
      if (waiting && frames.length >= waiting.count) waiting.resolve()
    }
  }
  const parse = (chunk: Buffer): void => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    let at = 0
    while (bytes.length - at >= 2) {
      const [first = 0, second = 0] = [bytes[at], bytes[at + 1]]
      const short = second & 127
      const begin = at + (short === 126 ? 4 : short === 127 ? 10 : 2)
      if (bytes.length < begin) break
      const length =
        short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? bytes.readUIntBE(at + 4, 6) : short
      if (bytes.length < begin + length) break
      take(first & 15, first >= 0x80, bytes.subarray(begin, begin + length))
      at = begin + length
    }
    rest = bytes.subarray(at)
  }
  socket.on('data', parse)
  socket.on('error', ({ message }) => fail(message))
  socket.on('close', () => fail('the connection is gone'))
  parse(Buffer.alloc(0))
  return {
    frames,
    times,
    until: (count) =>
      new Promise((resolve, reject) => {
        waiting = { count, resolve, reject }
        if (frames.length >= count) resolve()
        else if (failure) reject(failure)
      }),
    close: () => void socket.destroy(),
  }
}
