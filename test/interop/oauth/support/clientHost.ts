import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Network } from '../../../../dev/workerd.ts'

/** The public name under which the clients' documents are fetched. Nothing answers there but what is in between here. */
export const CLIENT_ORIGIN = 'https://client.oauth-interop.org'

/** Where the documents of clients are published: their metadata and their keys. */
export interface ClientHost extends AsyncDisposable {
  /** Publishes a document at a path, or takes it away. */
  publish(path: string, document: object | undefined): void
  /** The paths that were asked for, oldest first. */
  readonly asked: readonly string[]
  /** For `startCirrus`: what a Worker asks of that name is answered from here. */
  readonly network: Network
  /** For `startReference`: the same. */
  readonly hosts: Readonly<Record<string, string>>
}

export async function startClientHost(): Promise<ClientHost> {
  const documents = new Map<string, object>()
  const asked: string[] = []
  const answer = (path: string): { status: number; body: string } => {
    asked.push(path)
    const found = documents.get(path)
    return found ? { status: 200, body: JSON.stringify(found) } : { status: 404, body: '{}' }
  }
  const headers = { 'content-type': 'application/json' }
  const server = createServer((request, response) => {
    const { status, body } = answer(request.url ?? '/')
    response.writeHead(status, headers).end(body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  // A server that listens on TCP has an AddressInfo; only a pipe has a string.
  const { port } = server.address() as AddressInfo
  return {
    publish: (path, document) => {
      if (document) documents.set(path, document)
      else documents.delete(path)
    },
    asked,
    network: async (request) => {
      const { origin, pathname } = new URL(request.url)
      if (origin !== CLIENT_ORIGIN) return fetch(request)
      const { status, body } = answer(pathname)
      return new Response(body, { status, headers })
    },
    hosts: { [CLIENT_ORIGIN]: `http://localhost:${port}` },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
