import { checkUrl, OutboundError, sentHeaders, type OutboundRequest } from './outbound.ts'
import type { Platform } from './platform.ts'
import { relay } from './streams/relay.ts'
import { createWatch, type Watch } from './streams/watch.ts'

export interface StreamedRequest extends Pick<OutboundRequest, 'headers' | 'bearer'> {
  method: 'GET' | 'HEAD' | 'POST'
  body?: ReadableStream<Uint8Array> | null
  /** How many bytes the body has, if that is known. */
  length?: number | undefined
  /** How long it may take to the headers; 10 seconds by default. */
  headersMs?: number
}

export interface StreamedResponse {
  status: number
  headers: Headers
  /** As it was sent: in its `content-encoding`. Its length is known where there is a `content-length`. */
  body: ReadableStream<Uint8Array> | null
}

export type OutboundStream = (url: string, request: StreamedRequest) => Promise<StreamedResponse>

const HEADERS_MS = 10_000
const SILENCE_MS = 30_000

/** A way through for bytes. Where their number is known, fewer or more are an error. */
const passage = (length: number | undefined): IdentityTransformStream =>
  length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length)

const lengthOf = (headers: Headers): number | undefined => {
  const length = headers.get('content-length') ?? ''
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined
}

/**
 * As `outbound`, with its rules for addresses, redirects and headers, for bodies that pass through: as long as they are,
 * and as they come. 10 seconds to the headers, counted from the last of the request's body; 30 seconds of silence in a
 * body.
 */
export const outboundStream =
  (platform: Pick<Platform, 'fetch' | 'now' | 'timer'>, options: { dev: boolean }): OutboundStream =>
  async (address, request) => {
    const url = checkUrl(address, options)
    const { host } = url
    const { headersMs = HEADERS_MS } = request
    const aborting = new AbortController()
    const { signal } = aborting
    const late = (error: Error): void => aborting.abort(error)
    const watch = createWatch(platform, late)
    const timeout = (what: string) => () => new OutboundError('Timeout', `${host} ${what}`)
    const unanswered = timeout(`did not answer within ${headersMs / 1000} seconds`)
    try {
      watch.wait(headersMs, unanswered)
      const body = request.body ? upload(request.body, request.length, watch, signal, unanswered) : undefined
      const send = platform.fetch
      const response = await send(url.href, {
        method: request.method,
        headers: sentHeaders(request),
        redirect: 'manual',
        signal,
        // What passes through unread is not decoded and encoded again.
        encodeResponseBody: 'manual',
        ...(body && { body }),
      })
      watch.end()
      const { status, headers } = response
      const isRedirect = status === 0 || (status >= 300 && status < 400)
      if (isRedirect || status < 200 || status > 599) {
        await response.body?.cancel().catch(() => {})
        const code = isRedirect ? 'Redirect' : 'BadStatus'
        throw new OutboundError(code, `${host} answered with status ${status}`, status)
      }
      if (!response.body) return { status, headers, body: null }
      const { readable, writable } = passage(lengthOf(headers))
      const bodyWatch = createWatch(platform, late)
      const silent = timeout(`sent nothing for ${SILENCE_MS / 1000} seconds`)
      void relay(response.body, writable, {
        reading: () => bodyWatch.wait(SILENCE_MS, silent),
        // The one who reads may be as slow as they like.
        writing: bodyWatch.idle,
        signal,
      })
        // The reader of the body sees the failure. A sender that nobody reads is cancelled.
        .catch((cause: unknown) => aborting.abort(cause))
        .finally(bodyWatch.end)
      return { status, headers, body: readable }
    } catch (cause) {
      watch.end()
      if (cause instanceof OutboundError) throw cause
      if (signal.reason instanceof OutboundError) throw signal.reason
      throw new OutboundError('Network', `${host} could not be reached`)
    }
  }

/** The body of the request as it is sent, while the watch sees that it goes on. */
const upload = (
  body: ReadableStream<Uint8Array>,
  length: number | undefined,
  watch: Watch,
  signal: AbortSignal,
  unanswered: () => Error,
): ReadableStream<Uint8Array> => {
  const { readable, writable } = passage(length)
  const stalled = () =>
    new OutboundError('Stalled', `the body of the request stopped for ${SILENCE_MS / 1000} seconds`)
  void relay(body, writable, {
    reading: () => watch.wait(SILENCE_MS, stalled),
    writing: () => watch.wait(HEADERS_MS, unanswered),
    signal,
  })
    .then(() => watch.wait(HEADERS_MS, unanswered))
    // The request fails with its body.
    .catch(() => {})
  return readable
}
