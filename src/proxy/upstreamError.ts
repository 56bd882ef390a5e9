import { Buffer } from 'node:buffer'
import { isObject } from '../isObject.ts'
import { type Chunks, chunksOf } from '../streams/chunks.ts'
import { decodeWhole } from '../streams/decodeWhole.ts'
import type { StreamedResponse } from '../outboundStream.ts'
import { type Timer, within } from '../xrpc/deadline.ts'
import { COLLECT_MS } from './collectTime.ts'

const MAX_ERROR_BYTES = 64 * 1024

/** Errors without a name of their own, by their status, as the reference calls them. */
const NAMES: Record<number, string> = {
  401: 'AuthenticationRequired',
  403: 'Forbidden',
  404: 'XRPCNotSupported',
  406: 'NotAcceptable',
  413: 'PayloadTooLarge',
  415: 'UnsupportedMediaType',
  429: 'RateLimitExceeded',
  501: 'MethodNotImplemented',
  502: 'UpstreamFailure',
  503: 'NotEnoughResources',
  504: 'UpstreamTimeout',
}

/** A body that is short and comes soon. */
const readSome = async (body: ReadableStream<Uint8Array>, timer: Timer): Promise<Uint8Array | undefined> => {
  const source = chunksOf(body)
  const late = () => new Error('too late')
  try {
    return await within(timer, COLLECT_MS, collect(source), late)
  } catch (cause) {
    void source.cancel(cause)
    throw cause
  }
}

const collect = async (source: Chunks): Promise<Uint8Array | undefined> => {
  const parts: Uint8Array[] = []
  let size = 0
  for (let part = await source.next(); part; part = await source.next()) {
    size += part.byteLength
    if (size > MAX_ERROR_BYTES) {
      await source.cancel()
      return undefined
    }
    parts.push(part.slice())
  }
  return Buffer.concat(parts)
}

/** The JSON object in the body of an error; empty if there is none that can be read. */
const readError = async (
  { headers, body }: StreamedResponse,
  timer: Timer,
): Promise<Record<string, unknown>> => {
  const type = headers.get('content-type')
  if (!body) return {}
  if (type !== null && !/application\/(?:\w+\+)?json/i.test(type)) {
    await body.cancel().catch(() => {})
    return {}
  }
  try {
    const bytes = await readSome(body, timer)
    if (!bytes) return {}
    const plain = decodeWhole(bytes, headers.get('content-encoding'), MAX_ERROR_BYTES)
    if (!plain) return {}
    const json: unknown = JSON.parse(new TextDecoder().decode(plain))
    return isObject(json) ? json : {}
  } catch {
    // Whatever is wrong with the body, the status says that it is an error.
    return {}
  }
}

/** What an error of the service becomes for the client: its status, name and message; 500 becomes 502. */
export const readUpstreamError = async (
  upstream: StreamedResponse,
  timer: Timer,
): Promise<{ status: number; name: string; message: string }> => {
  const { error: name, message } = await readError(upstream, timer)
  const status = upstream.status === 500 ? 502 : upstream.status
  const standard = NAMES[status] ?? (status < 500 ? 'InvalidRequest' : 'UpstreamFailure')
  return {
    status,
    name: typeof name === 'string' && name !== '' ? name : standard,
    message:
      typeof message === 'string' && message !== ''
        ? message
        : `The service answered with status ${upstream.status}`,
  }
}
