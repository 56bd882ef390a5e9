/** A server in memory: the client's `fetch` is a function here. */
import type { Fetch } from '../../src/client/index.ts'

export type Route = (request: Request) => Response | Promise<Response>

export const DID = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  Response.json(body, { status, headers })

export const failure = (error: string, status = 400, message = `it is ${error}`): Response =>
  json({ error, message }, status)

/** Routes by NSID; `*` is for all others. Keeps the requests. */
export function server(routes: Record<string, Route>) {
  const requests: Request[] = []
  const fetch: Fetch = async (url, init) => {
    const request = new Request(url, init)
    requests.push(request)
    const id = new URL(url).pathname.replace('/xrpc/', '')
    const route = routes[id] ?? routes['*']
    if (!route) throw new Error(`nothing serves ${id}`)
    return route(request)
  }
  return { fetch, requests }
}

export const credentials = (requests: Request[]): (string | null)[] =>
  requests.map((request) => request.headers.get('authorization'))

export const bytesOf = async (body: ReadableStream<Uint8Array>): Promise<Uint8Array> =>
  new Uint8Array(await new Response(body).arrayBuffer())

export const streamOf = (...chunks: (string | Error)[]): ReadableStream<Uint8Array> => {
  const rest = [...chunks]
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = rest.shift()
        if (chunk === undefined) controller.close()
        else if (chunk instanceof Error) controller.error(chunk)
        else controller.enqueue(new TextEncoder().encode(chunk))
      },
    },
    { highWaterMark: 0 },
  )
}

/** A token whose claims can be read, as those of real sessions. Its signature is not valid. */
export const jwt = (name: string, exp: number): string =>
  `${name}.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.sig`
