import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { listen } from '../serve.ts'
import { stub } from '../stub.ts'

/** A request to a hostile server. */
export interface Call {
  /** The NSID, or the path of what is not a method. */
  readonly id: string
  readonly verb: string
  /** How many requests came before it. */
  readonly before: number
  readonly message: IncomingMessage
  readonly answer: ServerResponse
  /** The connection, for what an HTTP server would not send. */
  readonly socket: Socket
}

/** What a server does in place of answering. `honest` leaves a request to a server that keeps every contract. */
export type Conduct = (call: Call) => 'honest' | void

export interface HostileServer extends AsyncDisposable {
  readonly url: string
  /** The ids of the requests, in their order. */
  readonly asked: string[]
  /** How much it has sent in all. */
  sentBytes(): number
  /** Ends the process, as far as anyone outside can see. */
  die(): void
}

const honest = stub()

async function answerHonestly({ message, answer }: Call, url: string): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  const method = message.method ?? 'GET'
  const body = ['GET', 'HEAD'].includes(method) || chunks.length === 0 ? undefined : Buffer.concat(chunks)
  const headers = new Headers()
  for (const [name, value] of Object.entries(message.headers))
    if (typeof value === 'string' && !/^(connection|transfer-encoding)$/.test(name)) headers.set(name, value)
  const response = await honest(
    new Request(`${url}${message.url}`, { method, headers, ...(body ? { body } : {}) }),
  )
  answer.writeHead(response.status, [...response.headers].flat())
  answer.end(new Uint8Array(await response.arrayBuffer()))
}

/** A server on a free port that does with each request what it likes. */
export async function startHostile(
  conduct: Conduct,
  upgrade?: (socket: Socket, message: IncomingMessage) => void,
): Promise<HostileServer> {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  let [url, sent] = ['', 0]
  const server = createServer((message, answer) => {
    const { socket } = message
    const path = message.url ?? '/'
    const id = /^\/xrpc\/([^?]*)/.exec(path)?.[1] ?? path
    const call: Call = { id, verb: message.method ?? '', before: asked.length, message, answer, socket }
    asked.push(id)
    if (conduct(call) === 'honest') answerHonestly(call, url).catch(() => answer.destroy())
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sent += socket.bytesWritten
      sockets.delete(socket)
    })
  })
  if (upgrade) server.on('upgrade', (message, socket: Socket) => upgrade(socket, message))
  const served = await listen(server)
  // The name that the tool knows a server of this machine by.
  url = served.url.replace('127.0.0.1', 'localhost')
  return {
    url,
    asked,
    sentBytes: () => sent + [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    die() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await served.close().catch(() => {})
    },
  }
}

/** Sends for as long as somebody reads. */
export function sendForEver(to: Socket | ServerResponse, chunk: Uint8Array): void {
  const more = (): void => {
    while (!to.destroyed && to.write(chunk));
    if (!to.destroyed) to.once('drain', more)
  }
  more()
}

/** An answer of JSON, whether or not it is. */
export const sayJson = (
  { answer }: Call,
  body: string | Uint8Array,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): void => {
  answer.writeHead(status, {
    'content-type': 'application/json',
    'access-control-allow-origin': '*',
    ...headers,
  })
  answer.end(body)
}
