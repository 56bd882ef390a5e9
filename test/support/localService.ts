/** A service on loopback, whose DID is did:web:localhost%3A<port>. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface LocalService extends AsyncDisposable {
  readonly url: string
  readonly did: string
}

export async function startLocalService(answer: RequestListener): Promise<LocalService> {
  const server = createServer(answer)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  // A server that listens on TCP has an AddressInfo; only a pipe has a string.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://localhost:${port}`,
    did: `did:web:localhost%3A${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
