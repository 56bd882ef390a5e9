import { OutboundError } from '../outbound.ts'
import type { OutboundStream } from '../outboundStream.ts'
import type { Timer } from '../xrpc/deadline.ts'
import { error } from '../xrpc/errors.ts'
import { errorResponse, SANDBOX_HEADERS } from '../xrpc/output.ts'
import { readUpstreamError } from './upstreamError.ts'

/** A request on its way to a service. */
export interface Forwarded {
  request: Request
  /** The method's name as it was called. */
  method: string
  /** Where the service is. */
  address: string
  /** The service token. Without one, the service answers as it answers to anyone. */
  token: string | undefined
  /** The answer may be changed here: no coding that is not read here. */
  readable?: boolean
}

/** Asks the service, and gives its answer, whose body passes through. */
export type Forward = (forwarded: Forwarded) => Promise<Response>

const REQUEST_HEADERS = ['accept-language', 'atproto-accept-labelers', 'x-bsky-topics']
const BODY_HEADERS = ['content-type', 'content-encoding']

const ERROR_HEADERS = ['atproto-repo-rev', 'atproto-content-labelers', 'retry-after']
const ANSWER_HEADERS = [
  'content-type',
  'content-length',
  'content-encoding',
  'content-language',
  ...ERROR_HEADERS,
]

const pick = (headers: Headers, names: readonly string[]): [string, string][] =>
  names.flatMap((name): [string, string][] => {
    const value = headers.get(name)
    return value === null ? [] : [[name, value]]
  })

/** Never empty: the platform would ask for a coding that the caller may not know. */
const acceptedEncoding = (accepted: string, readable: boolean): string => {
  if (!readable) return accepted === '' ? 'identity' : accepted
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(accepted) ? 'gzip' : 'identity'
}

/** The headers of the caller that the service gets: never a credential, never a cookie. */
const requestHeaders = ({ headers, method }: Request, readable: boolean): Headers =>
  new Headers([
    ['accept-encoding', acceptedEncoding(headers.get('accept-encoding') ?? '', readable)],
    ...pick(headers, method === 'POST' ? [...REQUEST_HEADERS, ...BODY_HEADERS] : REQUEST_HEADERS),
    ...[...headers].filter(([name]) => name.startsWith('x-atproto-')),
  ])

const declaredLength = (headers: Headers): number | undefined => {
  const length = headers.get('content-length') ?? ''
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined
}

/** Statuses whose answers have no body. */
const WITHOUT_BODY = new Set([204, 205])

export const createForward =
  (send: OutboundStream, timer: Timer): Forward =>
  async ({ request, method, address, token, readable = false }) => {
    const isPost = request.method === 'POST'
    const { search } = new URL(request.url)
    try {
      const upstream = await send(`${address}/xrpc/${method}${search}`, {
        method: isPost ? 'POST' : request.method === 'HEAD' ? 'HEAD' : 'GET',
        headers: requestHeaders(request, readable),
        ...(token !== undefined && { bearer: token }),
        ...(isPost && { body: request.body, length: declaredLength(request.headers) }),
      })
      const { status, headers } = upstream
      if (status >= 400) {
        const { status, name, message } = await readUpstreamError(upstream, timer)
        return errorResponse(status, name, message, Object.fromEntries(pick(headers, ERROR_HEADERS)))
      }
      return new Response(WITHOUT_BODY.has(status) ? null : upstream.body, {
        status,
        headers: [...Object.entries(SANDBOX_HEADERS), ...pick(headers, ANSWER_HEADERS)],
        encodeBody: 'manual',
      })
    } catch (cause) {
      if (!(cause instanceof OutboundError)) throw cause
      if (cause.code === 'Stalled') throw error('RequestTimeout', cause.message)
      throw cause.code === 'Blocked'
        ? error('InvalidRequest', cause.message)
        : error('UpstreamFailure', `Upstream service unreachable: ${cause.message}`)
    }
  }
