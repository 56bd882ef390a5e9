import { CodedError } from './codedError.ts'
import { localName } from './localName.ts'
import type { Platform } from './platform.ts'
import { joinBytes } from './streams/joinBytes.ts'

export type OutboundErrorCode =
  | 'Blocked'
  | 'Timeout'
  | 'TooLarge'
  | 'Redirect'
  | 'Network'
  | 'BadStatus'
  | 'Stalled'

/** A request that was refused before it was sent, or that failed. */
export class OutboundError extends CodedError<OutboundErrorCode> {
  override readonly name = 'OutboundError'
  /** The answer's status, for `BadStatus` and `Redirect`. */
  readonly status: number | undefined

  constructor(code: OutboundErrorCode, message: string, status?: number) {
    super(code, message)
    this.status = status
  }
}

export interface OutboundRequest {
  method?: 'GET' | 'HEAD' | 'POST'
  /** Only the names in the allowlist are sent. Everything else is dropped, above all the caller's credentials. */
  headers?: Record<string, string> | Headers
  body?: string | Uint8Array<ArrayBuffer>
  /** The largest answer that is accepted, in bytes; 1 MiB by default. */
  maxBytes?: number
  /** The `accept` header. */
  accept?: string
  /** A token for that one server: made here, or given by the owner to be used there. */
  bearer?: string
  /** Statuses other than 2xx that are answers and not `BadStatus`; `'any'` for all. */
  statuses?: readonly number[] | 'any'
}

/** The body can be read once, by one of these methods. Each stops at `maxBytes` and at the time-out. */
export interface OutboundResponse {
  readonly status: number
  readonly headers: Headers
  bytes(): Promise<Uint8Array<ArrayBuffer>>
  text(): Promise<string>
  json(): Promise<unknown>
  stream(): ReadableStream<Uint8Array>
}

export type Outbound = (url: string, request?: OutboundRequest) => Promise<OutboundResponse>

const TIMEOUT_MS = 10_000
const DEFAULT_MAX_BYTES = 1024 * 1024
const MAX_URL_LENGTH = 4096
const SENT_HEADERS = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'atproto-accept-labelers',
  'content-encoding',
  'content-type',
  'x-bsky-topics',
])
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Parses an address. Throws `Blocked` unless it is a public name on https and port 443; in development also loopback.
 */
export const checkUrl = (text: string, { dev }: { dev: boolean }): URL => {
  const blocked = (why: string) =>
    new OutboundError('Blocked', `refused to ask ${JSON.stringify(text.slice(0, 200))}: ${why}`)
  if (text.length > MAX_URL_LENGTH || !URL.canParse(text)) throw blocked('not a URL')
  // The parser normalises every spelling of an IP address (hex, octal, one number, full-width digits).
  const url = new URL(text)
  const { hostname } = url
  if (url.username || url.password) throw blocked('it carries credentials')
  if (dev && LOOPBACK.has(hostname) && /^https?:$/.test(url.protocol)) return url
  if (url.protocol !== 'https:') throw blocked('not https')
  if (url.port !== '') throw blocked('not port 443')
  if (hostname.startsWith('[') || /^[\d.]+$/.test(hostname)) throw blocked('an IP address')
  if (hostname.split('.').includes('')) throw blocked('an empty label in the name')
  const why = localName(hostname)
  if (why !== undefined) throw blocked(why)
  return url
}

/** Of the headers that are given, those that are sent; and a token that this server made. */
export const sentHeaders = ({
  headers,
  accept,
  bearer,
}: Pick<OutboundRequest, 'headers' | 'accept' | 'bearer'>): Headers => {
  const out = new Headers({ 'user-agent': 'cirrus-pds' })
  for (const [name, value] of headers ? new Headers(headers) : [])
    if (SENT_HEADERS.has(name) || name.startsWith('x-atproto-')) out.set(name, value)
  if (accept) out.set('accept', accept)
  if (bearer) out.set('authorization', `Bearer ${bearer}`)
  return out
}

const failure = (cause: unknown, signal: AbortSignal, host: string): OutboundError => {
  if (cause instanceof OutboundError) return cause
  if (signal.aborted)
    return new OutboundError('Timeout', `${host} did not answer within ${TIMEOUT_MS / 1000} seconds`)
  return new OutboundError('Network', `${host} could not be reached`)
}

/**
 * Aborts after the time-out, unless it is stopped before. `AbortSignal.timeout` cannot be stopped, and would keep a
 * Durable Object from hibernating for the rest of the time.
 */
const startTimeout = (): { signal: AbortSignal; stop: () => void } => {
  const controller = new AbortController()
  // In workerd a number; in Node an object, which by itself would keep the process running.
  const timer: number | { unref(): void } = setTimeout(() => controller.abort(), TIMEOUT_MS)
  if (typeof timer === 'object') timer.unref()
  return { signal: controller.signal, stop: () => clearTimeout(timer as Parameters<typeof clearTimeout>[0]) }
}

/** Rejects when the signal is aborted, even if the work does not listen to it. */
const orTimeout = async <T>(signal: AbortSignal, work: Promise<T>): Promise<T> => {
  let stop = () => {}
  const late = new Promise<never>((_, reject) => {
    stop = () => reject(new OutboundError('Timeout', 'time-out'))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** The body with its limit and time-out: at most one chunk above the limit is ever held. */
const limitedBody = (
  response: Response,
  max: number,
  { signal, stop }: ReturnType<typeof startTimeout>,
  host: string,
): ReadableStream<Uint8Array> => {
  const tooLarge = () => new OutboundError('TooLarge', `${host} answered with more than ${max} bytes`)
  const reader = response.body?.getReader()
  let size = 0
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!reader) {
        stop()
        return controller.close()
      }
      try {
        if (Number(response.headers.get('content-length') ?? 0) > max) throw tooLarge()
        const { done, value } = await orTimeout(signal, reader.read())
        if (done) {
          stop()
          return controller.close()
        }
        size += value.byteLength
        if (size > max) throw tooLarge()
        controller.enqueue(value)
      } catch (cause) {
        stop()
        await reader.cancel().catch(() => {})
        controller.error(failure(cause, signal, host))
      }
    },
    cancel: (reason) => {
      stop()
      return reader?.cancel(reason)
    },
  })
}

const collect = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> => {
  // Bounded by the limit of the stream.
  const chunks: Uint8Array[] = []
  const reader = stream.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value)
  return joinBytes(chunks)
}

/**
 * The only way to the network, with `outboundStream` for bodies that pass through: public names on https and port 443 (loopback only in development), no redirects,
 * 10 seconds for the whole exchange, a limit in bytes, and no header of the caller that is not listed.
 */
export const outbound =
  (platform: Pick<Platform, 'fetch'>, options: { dev: boolean }): Outbound =>
  async (address, request = {}) => {
    const url = checkUrl(address, options)
    const { maxBytes = DEFAULT_MAX_BYTES, method = 'GET', statuses = [] } = request
    const timeout = startTimeout()
    const { signal, stop } = timeout
    // Called without the platform as `this`, which workerd's fetch refuses.
    const send = platform.fetch
    const init = { method, headers: sentHeaders(request), redirect: 'manual', signal } as const
    const answer = async (): Promise<Response> => {
      try {
        const body = request.body === undefined ? {} : { body: request.body }
        return await orTimeout(signal, send(url.href, { ...init, ...body }))
      } catch (cause) {
        stop()
        throw failure(cause, signal, url.host)
      }
    }
    const response = await answer()
    const { status, headers } = response
    const refuse = async (code: 'Redirect' | 'BadStatus') => {
      stop()
      await response.body?.cancel().catch(() => {})
      return new OutboundError(code, `${url.host} answered with status ${status}`, status)
    }
    if (status === 0 || (status >= 300 && status < 400)) throw await refuse('Redirect')
    if (statuses !== 'any' && (status < 200 || status > 299) && !statuses.includes(status))
      throw await refuse('BadStatus')
    const stream = () => limitedBody(response, maxBytes, timeout, url.host)
    const text = async () => new TextDecoder().decode(await collect(stream()))
    return {
      status,
      headers,
      stream,
      text,
      bytes: () => collect(stream()),
      json: async () => {
        try {
          const value: unknown = JSON.parse(await text())
          return value
        } catch (cause) {
          if (cause instanceof OutboundError) throw cause
          throw new OutboundError('Network', `${url.host} did not answer with JSON`)
        }
      },
    }
  }
