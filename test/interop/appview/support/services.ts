import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'

import { freePort } from '../../../../dev/port.ts'

/** A request as a service got it from a PDS. */
export interface Received {
  /** `POST com.atproto.moderation.createReport` */
  readonly asked: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Stands in for the services that are not part of the PDS or the AppView: a moderation service, chat, and a feed generator.
 * One did:web with a service id for each. It answers what a client of that service expects, whatever it is told.
 */
export interface Services extends AsyncDisposable {
  readonly url: string
  readonly did: string
  /** What the feed generator recommends. */
  recommend(...uris: string[]): void
  /** What came since the last call. */
  takeReceived(): Received[]
}

const IDS = {
  atproto_labeler: 'AtprotoLabeler',
  bsky_chat: 'BskyChatService',
  bsky_fg: 'BskyFeedGenerator',
}

export async function startServices(): Promise<Services> {
  const port = await freePort()
  const did = `did:web:localhost%3A${port}`
  const url = `http://localhost:${port}`
  const document = {
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: did,
    service: Object.entries(IDS).map(([id, type]) => ({ id: `#${id}`, type, serviceEndpoint: url })),
  }
  let received: Received[] = []
  let recommended: string[] = []

  const answers: Record<string, (body: string) => object> = {
    'com.atproto.moderation.createReport': (body) => ({
      ...JSON.parse(body),
      id: 1,
      reportedBy: 'did:example:reporter',
      createdAt: '2026-01-01T00:00:00.000Z',
    }),
    'chat.bsky.convo.listConvos': () => ({ convos: [] }),
    'app.bsky.feed.describeFeedGenerator': () => ({ did, feeds: [] }),
    'app.bsky.feed.getFeedSkeleton': () => ({ feed: recommended.map((post) => ({ post })) }),
  }
  const server = createServer((request, response) => {
    const answer = async () => {
      const { pathname } = new URL(request.url ?? '/', url)
      if (pathname === '/.well-known/did.json') return { status: 200, value: document }
      const method = pathname.replace('/xrpc/', '')
      const body = await text(request)
      received.push({ asked: `${request.method} ${method}`, headers: plain(request), body })
      const known = answers[method]
      if (known) return { status: 200, value: known(body) }
      return {
        status: 501,
        value: { error: 'MethodNotImplemented', message: `${method} is not served here` },
      }
    }
    void answer().then(({ status, value }) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value)),
    )
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url,
    did,
    recommend: (...uris) => {
      recommended = uris
    },
    takeReceived: () => {
      const taken = received
      received = []
      return taken
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const text = async (request: IncomingMessage): Promise<string> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

const plain = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
