import { queryString, type Query } from './sample.ts'

/** Sends one request and keeps all of the answer that the suite judges. */
export interface Ask {
  verb?: string
  query?: Query
  headers?: Record<string, string>
  body?: string | Uint8Array
}

export interface Answer {
  status: number
  headers: Headers
  bytes: Uint8Array
  /** The parsed body, if the content type says JSON and the body is JSON. */
  json: unknown
  /** The name of the error, if the body is an error. */
  error: string | undefined
}

export type Asking = (id: string, ask?: Ask) => Promise<Answer>

/** `application/json; charset=utf-8` -> `application/json`. */
export const mediaType = (headers: Headers): string =>
  (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}

const errorName = (json: unknown): string | undefined =>
  typeof json === 'object' && json !== null && 'error' in json && typeof json.error === 'string'
    ? json.error
    : undefined

/** A server that has not answered by then never will. Far more time than a slow or busy machine needs. */
const ANSWER_TIMEOUT_MS = 120_000

export const asking =
  (url: string, fetcher: (request: Request) => Promise<Response>): Asking =>
  async (id, { verb = 'GET', query = {}, headers = {}, body } = {}) => {
    const request = new Request(`${url.replace(/\/$/, '')}/xrpc/${id}${queryString(query)}`, {
      method: verb,
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    const response = await fetcher(request)
    const bytes = new Uint8Array(await response.arrayBuffer())
    const json = mediaType(response.headers) === 'application/json' ? parse(bytes) : undefined
    return { status: response.status, headers: response.headers, bytes, json, error: errorName(json) }
  }

/** Describes an answer in a few words, for the report. */
export const inWords = ({ status, headers, error, json }: Answer): string => {
  const message =
    typeof json === 'object' && json !== null && 'message' in json
      ? `: ${String(json.message).slice(0, 120)}`
      : ''
  return error ? `${status} ${error}${message}` : `${status} ${mediaType(headers) || 'without a type'}`
}
