/** Another service, which the servers forward requests to: in a thread of its own, so that the client does not share its time. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

/** A page as an AppView answers, and a long body. */
export const PAGE_BYTES = 20_000
export const LONG_BYTES = 50_000_000

export const PAGE = 'app.bsky.notification.listNotifications'
export const LONG = 'com.example.bench.long'

export interface Service extends AsyncDisposable {
  readonly url: string
  readonly did: string
}

const serve = (): void => {
  const page = JSON.stringify({ notifications: ['x'.repeat(PAGE_BYTES - 22)] })
  const chunk = Buffer.alloc(1_000_000, 'x')
  const server = createServer((request, response) => {
    if (!request.url?.includes(LONG)) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': PAGE_BYTES })
      return void response.end(page)
    }
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': LONG_BYTES })
    let left = LONG_BYTES
    const more = (): void => {
      while (left > 0) {
        left -= chunk.length
        if (!response.write(chunk)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', () => {
    // A server that listens on TCP has an AddressInfo.
    const { port } = server.address() as AddressInfo
    // A thread's port has no origin.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    parentPort?.postMessage(port)
  })
}

/** Starts the service. */
export const startService = async (): Promise<Service> => {
  const worker = new Worker(import.meta.filename)
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  return {
    url: `http://localhost:${port}`,
    did: `did:web:localhost%3A${port}`,
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  }
}

if (!isMainThread) serve()
