import { Buffer } from 'node:buffer'
import type { Secret } from '../../../crypto/secret.ts'
import { isObject } from '../../../isObject.ts'
import { OutboundError } from '../../../outbound.ts'
import type { OutboundStream, StreamedResponse } from '../../../outboundStream.ts'
import { readUpTo } from '../../../streams/readUpTo.ts'
import { type Timer, within } from '../../../xrpc/deadline.ts'
import { PullError } from './pullError.ts'
import type { PullState } from './pullState.ts'

/** The CAR as the source sends it. */
export interface SourceAnswer {
  body: ReadableStream<Uint8Array>
  /** The byte of the CAR that it begins with. */
  offset: number
  /** Bytes of the whole CAR, where the source says so. */
  size: number | undefined
  /** The commit, where the source can resume the CAR. */
  root: string | undefined
}

export interface AskSourceDeps {
  did: string
  send: OutboundStream
  timer: Timer
}

const HEADERS_MS = 60_000
const MAX_ERROR_BYTES = 16 * 1024
const ERROR_BODY_MS = 5000
const MAX_RETRY_AFTER_MS = 5 * 60_000

/** The commit that getRepo of a Cirrus names. */
const rootOf = (headers: Headers): string | undefined =>
  /^"(bafyrei[a-z2-7]{52})"$/.exec(headers.get('etag') ?? '')?.[1]

const lengthOf = (headers: Headers): number | undefined => {
  const length = headers.get('content-length') ?? ''
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined
}

/** The name of the error, which is all that is shown of a refusal: what else it says could repeat the token. */
const errorName = async ({ body }: StreamedResponse, deps: AskSourceDeps): Promise<string | undefined> => {
  if (!body) return undefined
  try {
    const reading = readUpTo(body, { max: MAX_ERROR_BYTES })
    const read = await within(deps.timer, ERROR_BODY_MS, reading, () => new Error('too late'))
    if ('stream' in read) {
      await read.stream.cancel()
      return undefined
    }
    const value: unknown = JSON.parse(Buffer.from(read.bytes).toString())
    const name = isObject(value) ? value['error'] : undefined
    return typeof name === 'string' && /^[A-Za-z]{1,40}$/.test(name) ? name : undefined
  } catch {
    return undefined
  }
}

const TOKEN_ERRORS = /^(AuthMissing|AuthRequired|AuthenticationRequired|InvalidToken|ExpiredToken|BadJwt.*)$/

/** What a refusal means, by its status first: servers call the same thing by many names. */
const refusalOf = async (
  answer: StreamedResponse,
  { host, hasToken }: { host: string; hasToken: boolean },
  deps: AskSourceDeps,
): Promise<PullError> => {
  const { status, headers } = answer
  const name = await errorName(answer, deps)
  const said = `${host} answered with status ${status}${name === undefined ? '' : ` ${name}`}`
  const error = name ?? 'UpstreamFailure'
  if (status === 429 || (status >= 500 && status !== 501)) {
    const afterMs = Number(headers.get('retry-after')) * 1000 || 0
    return new PullError('Retry', error, said, Math.min(Math.max(0, afterMs), MAX_RETRY_AFTER_MS))
  }
  if (status === 401 || (name !== undefined && TOKEN_ERRORS.test(name)))
    return new PullError(
      'Token',
      error,
      `${said}: it takes ${hasToken ? 'another' : 'no request without a'} token`,
    )
  // A deactivated account, above all: its owner may read it.
  if (!hasToken && (status === 403 || /Deactivated|Suspended|Takendown/i.test(error)))
    return new PullError('Token', error, `${said}: it may show the repository to its owner`)
  return new PullError('Refused', error, said)
}

const request = async (
  deps: AskSourceDeps,
  source: string,
  method: string,
  params: Record<string, string>,
  token: Secret | undefined,
): Promise<StreamedResponse & { body: ReadableStream<Uint8Array> }> => {
  const url = `${source}/xrpc/${method}?${new URLSearchParams(params).toString()}`
  const { host } = new URL(source)
  let answer: StreamedResponse
  try {
    answer = await deps.send(url, {
      method: 'GET',
      headers: { accept: 'application/vnd.ipld.car', 'accept-encoding': 'identity' },
      ...(token && { bearer: token.reveal() }),
      headersMs: HEADERS_MS,
    })
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause
    const isPassing = cause.code === 'Timeout' || cause.code === 'Network' || cause.code === 'Stalled'
    const why = cause.code === 'Redirect' ? `${cause.message}: redirects are not followed` : cause.message
    throw new PullError(isPassing ? 'Retry' : 'Refused', 'UpstreamFailure', why)
  }
  const { status, headers, body } = answer
  if (status !== 200) throw await refusalOf(answer, { host, hasToken: token !== undefined }, deps)
  const coding = headers.get('content-encoding') ?? 'identity'
  if (coding !== 'identity') {
    await body?.cancel().catch(() => {})
    throw new PullError(
      'Refused',
      'UpstreamFailure',
      `${host} sends the repository compressed, although it was asked not to`,
    )
  }
  if (!body) throw new PullError('Retry', 'UpstreamFailure', `${host} answered with nothing`)
  return { ...answer, body }
}

/** The rest of the CAR from a Cirrus; undefined where it has to be begun again. */
const resume = async (
  deps: AskSourceDeps,
  { source, root, received }: PullState,
  token: Secret | undefined,
): Promise<SourceAnswer | undefined> => {
  if (root === undefined || received === 0) return undefined
  try {
    const params = { did: deps.did, root, offset: String(received) }
    const { body, headers } = await request(deps, source, 'com.cirrus.admin.resumeRepo', params, token)
    const named = rootOf(headers)
    if (named !== undefined && named !== root) {
      await body.cancel().catch(() => {})
      return undefined
    }
    const length = lengthOf(headers)
    return { body, offset: received, size: length === undefined ? undefined : received + length, root }
  } catch (cause) {
    if (!(cause instanceof PullError)) throw cause
    // Without a token nobody can resume, and everybody can begin again.
    if (cause.code === 'Refused' || (cause.code === 'Token' && !token)) return undefined
    throw cause
  }
}

/** Asks the source for the CAR: for the rest of it, where it can resume, else for all of it. Throws `PullError`. */
export const askSource = async (
  deps: AskSourceDeps,
  pull: PullState,
  token: Secret | undefined,
): Promise<SourceAnswer> => {
  const rest = await resume(deps, pull, token)
  if (rest) return rest
  const params = { did: deps.did }
  const { body, headers } = await request(deps, pull.source, 'com.atproto.sync.getRepo', params, token)
  return { body, offset: 0, size: lengthOf(headers), root: rootOf(headers) }
}
