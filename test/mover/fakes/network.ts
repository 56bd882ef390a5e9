import type { Fetch } from '../../../src/client/index.ts'

/** A request as a server sees it. */
export interface Sent {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** A host: answers, or throws, which is a network error for the caller. */
export type Host = (sent: Sent) => Response | Promise<Response>

/** Servers in memory, by origin. Names that nobody serves do not resolve. */
export interface FakeNetwork {
  /** In place of the global `fetch`. */
  readonly fetch: Fetch & typeof fetch
  /** Every request, oldest first. */
  readonly requests: {
    origin: string
    method: string
    path: string
    authorization: string | null
    /** Of the body. */
    bytes: number
  }[]
  add(origin: string, host: Host): void
  /** Asked for an origin that was not added. */
  readonly wildcards: ((sent: Sent) => Response | undefined)[]
  /** Milliseconds since the epoch. Only `wait` makes it go on. */
  now(): number
  /** Goes on in time at once: waits cost no time here. */
  wait(ms: number, signal: AbortSignal): Promise<void>
  /** All that was waited for, in milliseconds. */
  readonly waits: number[]
}

const MAX_REDIRECTS = 20
const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status)

export const createNetwork = (startMs: number = Date.now()): FakeNetwork => {
  const hosts = new Map<string, Host>()
  const requests: FakeNetwork['requests'] = []
  const wildcards: FakeNetwork['wildcards'] = []
  const waits: number[] = []
  let nowMs = startMs

  const ask = async (sent: Sent, signal: AbortSignal | null | undefined): Promise<Response> => {
    signal?.throwIfAborted()
    const { origin, pathname } = sent.url
    requests.push({
      origin,
      method: sent.method,
      path: pathname,
      authorization: sent.headers.get('authorization'),
      bytes: sent.bytes.length,
    })
    const host = hosts.get(origin)
    const answer =
      (await host?.(sent)) ?? wildcards.map((wildcard) => wildcard(sent)).find((found) => found !== undefined)
    if (!answer) throw new TypeError(`fetch failed: ${origin} does not resolve`)
    signal?.throwIfAborted()
    return answer
  }

  const send = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const request = input instanceof Request ? input : undefined
    let url = new URL(request?.url ?? String(input))
    const headers = new Headers(init.headers ?? request?.headers)
    const { body, signal, redirect = 'follow' } = init
    const payload = body ?? request?.body
    const bytes = payload ? new Uint8Array(await new Response(payload).arrayBuffer()) : new Uint8Array(0)
    const method = (init.method ?? request?.method ?? 'GET').toUpperCase()
    for (let hops = 0; ; hops++) {
      const answer = await ask({ method, url, headers, bytes }, signal)
      const location = answer.headers.get('location')
      if (!isRedirect(answer.status) || redirect === 'manual' || location === null) return answer
      if (redirect === 'error' || hops >= MAX_REDIRECTS) throw new TypeError('fetch failed: redirected')
      const next = new URL(location, url)
      // As browsers and Node do: no credentials to another origin.
      if (next.origin !== url.origin) headers.delete('authorization')
      url = next
    }
  }

  return {
    fetch: send,
    requests,
    wildcards,
    waits,
    add: (origin, host) => void hosts.set(origin, host),
    now: () => nowMs,
    async wait(ms, signal) {
      signal.throwIfAborted()
      waits.push(ms)
      nowMs += ms
    },
  }
}

export const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  Response.json(value, { status, headers })

/** An XRPC error. */
export const refusal = (
  status: number,
  error: string,
  message = error,
  headers: Record<string, string> = {},
): Response => json({ error, message }, status, headers)

/** The body breaks off after `length` bytes. The full length is declared. */
export const cut = (
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
  headers: Record<string, string>,
): Response => {
  let sent = false
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent) return controller.error(new TypeError('terminated'))
      sent = true
      controller.enqueue(bytes.slice(0, length))
    },
  })
  return new Response(body, { headers: { 'content-length': String(bytes.length), ...headers } })
}
