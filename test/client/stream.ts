/** A server of event streams that sends prepared frames, made of node:http only, so that it can break the protocol. */
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

/** One subscriber. */
export class Peer {
  readonly cursor: number | undefined
  readonly url: string
  readonly #socket: Duplex
  closed = false

  constructor(socket: Duplex, url: string) {
    this.#socket = socket
    this.url = url
    const cursor = new URL(url, 'http://x').searchParams.get('cursor')
    this.cursor = cursor === null ? undefined : Number(cursor)
    socket.on('error', () => {}).on('close', () => (this.closed = true))
    // All that a subscriber sends is the closing of the connection.
    socket.on('data', () => this.close())
  }

  #write(opcode: number, payload: Uint8Array): void {
    if (this.#socket.writableEnded || this.#socket.destroyed) return
    const { length } = payload
    const head =
      length < 126
        ? Buffer.from([0x80 | opcode, length])
        : length < 65_536
          ? Buffer.from([0x80 | opcode, 126, length >> 8, length & 255])
          : Buffer.concat([Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0]), uint32(length)])
    this.#socket.write(Buffer.concat([head, payload]))
  }

  send(...frames: Uint8Array[]): void {
    for (const bytes of frames) this.#write(2, bytes)
  }

  text(words: string): void {
    this.#write(1, Buffer.from(words))
  }

  close(code = 1000): void {
    this.#write(8, Buffer.from([code >> 8, code & 255]))
    this.#socket.end()
  }

  /** Breaks the connection. */
  cut(): void {
    this.#socket.destroy()
  }
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export interface Stream extends AsyncDisposable {
  host: string
  peers: Peer[]
}

/** Calls `serve` for each subscriber, with the number of those before; `refuse` decides whose handshake fails. */
export async function stream(
  serve: (peer: Peer, n: number) => void,
  refuse: (n: number) => boolean = () => false,
): Promise<Stream> {
  const peers: Peer[] = []
  const server = createServer((_, answer) => answer.writeHead(404).end())
  let asked = 0
  server.on('upgrade', (request, socket) => {
    if (refuse(asked++)) return socket.end('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n')
    const key = request.headers['sec-websocket-key'] ?? ''
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    )
    const peer = new Peer(socket, request.url ?? '')
    peers.push(peer)
    serve(peer, peers.length - 1)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    host: `127.0.0.1:${port}`,
    peers,
    async [Symbol.asyncDispose]() {
      for (const peer of peers) peer.cut()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
