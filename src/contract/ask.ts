import { isObject } from '../isObject.ts'
import type { Exchange } from './exchange.ts'
import { inText } from './inText.ts'
import { parseJson } from './parseJson.ts'
import { giveBody, readBody } from './readBody.ts'

export type Query = Record<string, string | string[]>

/** One request. */
export interface Ask {
  /** Default: GET. */
  readonly verb?: string
  readonly query?: Query
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array
  /** A path instead of `/xrpc/<id>`, such as `/.well-known/did.json`. */
  readonly path?: string
  /** Takes the body of a 200 as it comes, of any length, in place of `bytes`, and may stop before its end. */
  readonly take?: (body: AsyncIterable<Uint8Array>) => Promise<void>
  /** The answer to the same request from before will do. Not for what changes. */
  readonly reuse?: boolean
  /** The whole answer has so long. Default: two minutes. */
  readonly timeoutMs?: number
}

/** All of the answer that the suite judges. */
export interface Answer {
  readonly verb: string
  /** Whether the request had an Authorization header. */
  readonly authorized: boolean
  readonly status: number
  readonly headers: Headers
  /** Empty where `take` took them. */
  readonly bytes: Uint8Array
  /** The parsed body, if the content type says JSON and the body is JSON. */
  readonly json: unknown
  /** Why there is no `json`, where the content type says that there is. */
  readonly notJson?: string | undefined
  /** The name of the error, if the body is an error. */
  readonly error: string | undefined
  readonly exchange: Exchange
}

export type Asking = (id: string, ask?: Ask) => Promise<Answer>

/** `application/json; charset=utf-8` -> `application/json`. */
export const mediaType = (headers: Headers): string =>
  (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''

/** What an answer says of its charset. JSON has UTF-8 without a word. */
const charsetOf = (headers: Headers): string =>
  /;\s*charset="?([\w-]{1,40})/i.exec(headers.get('content-type') ?? '')?.[1]?.toLowerCase() ?? 'utf-8'

/** A query that repeats the names of lists. Empty without members. */
export const queryString = (query: Query): string => {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const item of Array.isArray(value) ? value : [value]) search.append(name, item)
  const text = search.toString()
  return text ? `?${text}` : ''
}

const errorName = (json: unknown): string | undefined =>
  isObject(json) && typeof json['error'] === 'string' ? inText(json['error']) : undefined

/** Describes an answer in a few words. */
export const inWords = ({ status, headers, error, json }: Answer): string => {
  const message = isObject(json) && 'message' in json ? `: ${inText(json['message']).slice(0, 120)}` : ''
  return error ? `${status} ${error}${message}` : `${status} ${mediaType(headers) || 'without a type'}`
}

/** A server that has not answered by then never will. Far more time than a slow or busy machine needs. */
const ANSWER_TIMEOUT_MS = 120_000
/** What is kept of a body for the report. */
const SHOWN_BYTES = 4096
/** What is kept of one header for the report. */
const SHOWN_HEADER_CHARS = 1000

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

const printable = (bytes: Uint8Array): string => {
  const start = bytes.subarray(0, SHOWN_BYTES)
  const more = bytes.length > SHOWN_BYTES ? `… (${bytes.length} bytes)` : ''
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(start)
    if (!/(?![\t\n\r])\p{Cc}/u.test(text)) return `${text}${more}`
  } catch {
    // Not text: shown by its length.
  }
  return bytes.length === 0 ? '' : `(${bytes.length} bytes)`
}

/** What a server gives out in members of these names opens something, or lets something be done, in whatever form it is. */
const TOKENS = /("(?:accessJwt|refreshJwt|access_token|refresh_token|token|password|sig)"\s*:\s*")[^"]*/g

const withoutTokens = (body: string): string => body.replaceAll(TOKENS, '$1[secret]')

/** The request as a line that a person can paste into a terminal. */
export const curlLine = (url: string, { verb = 'GET', headers = {}, body }: Ask): string => {
  const parts = ['curl -i']
  if (verb === 'HEAD') parts.push('--head')
  else if (verb !== 'GET' || body !== undefined) parts.push(`-X ${verb}`)
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`)
  if (typeof body === 'string') parts.push(`--data-binary ${quoted(body)}`)
  else if (body) parts.push(`--data-binary @- <<< '(${body.length} bytes)'`)
  return [...parts, quoted(url)].join(' ')
}

export interface AskingDeps {
  readonly origin: string
  /** Waits for this request's turn, and sends it. */
  send(request: Request): Promise<Response>
  /** Replaces secrets. */
  redact(text: string): string
  readonly userAgent: string
  /** Aborts the requests that are under way. */
  signal?(): AbortSignal | undefined
  /** Calls `ring` after so long, unless what it returns is called before. */
  timer?(ms: number, ring: () => void): () => void
  /** A whole answer has so long. Default: two minutes. */
  readonly timeoutMs?: number | undefined
}

/** Aborts after a time. `end` frees the timer: that of AbortSignal.timeout outlives a short request by minutes. */
function deadlines(timer: AskingDeps['timer']): (ms: number) => { signal: AbortSignal; end(): void } {
  return (ms) => {
    if (!timer) return { signal: AbortSignal.timeout(ms), end: () => {} }
    const controller = new AbortController()
    const late = new DOMException('the operation was aborted due to a timeout', 'TimeoutError')
    return { signal: controller.signal, end: timer(ms, () => controller.abort(late)) }
  }
}

/** Asks a server, follows no redirect, and reads the whole answer. */
export function createAsking({
  origin,
  send,
  redact,
  userAgent,
  signal,
  timer,
  timeoutMs = ANSWER_TIMEOUT_MS,
}: AskingDeps): Asking {
  const deadline = deadlines(timer)
  return async (id, ask = {}) => {
    const { verb = 'GET', query = {}, headers = {}, body, path = `/xrpc/${id}`, take } = ask
    const url = `${origin}${path}${queryString(query)}`
    const curl = redact(curlLine(url, ask))
    const { signal: late, end } = deadline(ask.timeoutMs ?? timeoutMs)
    try {
      const request = new Request(url, {
        method: verb,
        headers: { 'user-agent': userAgent, ...headers },
        // TypeScript's own BodyInit wants the buffer behind the bytes not to be shared, which it never is here.
        ...(body === undefined ? {} : { body: body as BodyInit }),
        redirect: 'manual',
        signal: AbortSignal.any([late, signal?.() ?? []].flat()),
      })
      const response = await send(request)
      const taken = take && response.status === 200 ? await giveBody(response, take) : undefined
      const bytes = taken === undefined ? await readBody(response) : new Uint8Array()
      const isJson = mediaType(response.headers) === 'application/json'
      const { json, notJson } = isJson && taken === undefined ? parseJson(bytes) : {}
      const charset = charsetOf(response.headers)
      return {
        verb,
        authorized: Object.keys(headers).some((name) => name.toLowerCase() === 'authorization'),
        status: response.status,
        headers: response.headers,
        bytes,
        json,
        notJson: notJson && charset !== 'utf-8' ? `${notJson}, with charset=${charset}` : notJson,
        error: errorName(json),
        exchange: {
          curl,
          status: response.status,
          headers: Object.fromEntries(
            [...response.headers].map(([name, value]) => [name, redact(value.slice(0, SHOWN_HEADER_CHARS))]),
          ),
          body: taken === undefined ? redact(withoutTokens(printable(bytes))) : `(${taken} bytes)`,
        },
      }
    } catch (cause) {
      throw new NoAnswer({ curl, headers: {}, body: '' }, cause)
    } finally {
      end()
    }
  }
}

/** fetch says no more than that it failed; the system's own words are its cause. */
const reasonOf = (cause: unknown): string => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const inner = cause instanceof Error ? cause.cause : undefined
  if (!(inner instanceof Error)) return message
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : ''
  return `${message} (${[code, inner.message].filter((text) => text !== '').join(': ')})`
}

/** A request to which no whole answer came. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  readonly exchange: Exchange
  constructor(exchange: Exchange, cause: unknown) {
    super(`no answer: ${reasonOf(cause)}`, { cause })
    this.exchange = exchange
  }
}
