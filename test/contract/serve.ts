import { createServer, type IncomingMessage, type Server } from 'node:http'

export type FetchHandler = (request: Request) => Promise<Response> | Response

export interface Served {
  url: string
  close(): Promise<void>
}

const headersOf = (message: IncomingMessage): [string, string][] =>
  Object.entries(message.headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
  )

/** Node's own conversion fails once the stream has been cancelled before its end. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = message[Symbol.asyncIterator]()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: () => void message.resume(),
  })
}

function toRequest(message: IncomingMessage, url: string): Request {
  const method = message.method ?? 'GET'
  const { 'content-length': length, 'transfer-encoding': chunked } = message.headers
  // The fetch API does not allow a GET with a body.
  const hasBody = !['GET', 'HEAD'].includes(method) && (chunked !== undefined || Number(length ?? 0) > 0)
  return new Request(`${url}${message.url}`, {
    method,
    headers: headersOf(message),
    ...(hasBody ? { body: bodyOf(message), duplex: 'half' } : {}),
  })
}

/** Starts a node server on a free loopback port. */
export const listen = (server: Server): Promise<Served> =>
  new Promise((ready, failed) => {
    server.once('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      ready({
        url: `http://127.0.0.1:${port}`,
        close: () =>
          new Promise((closed) => {
            server.closeAllConnections()
            server.close(() => closed())
          }),
      })
    })
  })

/** Puts a fetch handler behind a loopback port, so that the same bytes can go to it as to any server. */
export async function serve(handler: FetchHandler): Promise<Served> {
  let url = ''
  const server = createServer((message, answer) => {
    const respond = async (): Promise<void> => {
      const response = await handler(toRequest(message, url))
      answer.writeHead(response.status, [...response.headers].flat())
      if (response.body) for await (const chunk of response.body) answer.write(chunk)
      answer.end()
    }
    respond().catch((cause: unknown) => {
      console.error(cause)
      answer.destroy()
    })
  })
  const served = await listen(server)
  url = served.url
  return served
}
