import { isValidDid } from '@atproto/syntax'
import { isObject } from '../isObject.ts'
import type { Platform } from '../platform.ts'
import { chunksOf } from '../streams/chunks.ts'
import { within } from '../xrpc/deadline.ts'
import { error } from '../xrpc/errors.ts'

/** Methods whose body names the service that they are for. */
export const PUSH_METHODS: ReadonlySet<string> = new Set([
  'app.bsky.notification.registerPush',
  'app.bsky.notification.unregisterPush',
])

export const NOTIFICATIONS_ID = 'bsky_notif'

const MAX_BODY_BYTES = 16 * 1024
const BODY_MS = 30_000

const readText = async (body: ReadableStream<Uint8Array>): Promise<string> => {
  const source = chunksOf(body)
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for (let chunk = await source.next(); chunk; chunk = await source.next()) {
    size += chunk.byteLength
    if (size > MAX_BODY_BYTES) {
      await source.cancel()
      throw error('PayloadTooLarge', `The request body may have at most ${MAX_BODY_BYTES} bytes`)
    }
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** Reads `serviceDid` from the body of a request, and gives the request with its body again. */
export const readPushService = async (
  request: Request,
  { timer }: Pick<Platform, 'timer'>,
): Promise<{ serviceDid: string; request: Request }> => {
  const encoding = request.headers.get('content-encoding') ?? 'identity'
  if (encoding.toLowerCase() !== 'identity')
    throw error(
      'InvalidRequest',
      'the body names its service, and is read here: send it without a Content-Encoding',
    )
  const late = () =>
    error('RequestTimeout', `The request body did not arrive within ${BODY_MS / 1000} seconds: send it again`)
  const body = request.body ? await within(timer, BODY_MS, readText(request.body), late) : ''
  const serviceDid = serviceOf(body)
  const bytes = new TextEncoder().encode(body)
  const headers = new Headers(request.headers)
  headers.set('content-length', String(bytes.byteLength))
  return { serviceDid, request: new Request(request.url, { method: request.method, headers, body: bytes }) }
}

const serviceOf = (text: string): string => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw error('InvalidRequest', 'The request body is not valid JSON')
  }
  const serviceDid = isObject(json) ? json['serviceDid'] : undefined
  if (serviceDid === undefined) throw error('InvalidRequest', 'Input must have the property "serviceDid"')
  if (typeof serviceDid !== 'string' || !isValidDid(serviceDid))
    throw error('InvalidRequest', 'Input/serviceDid must be a valid did')
  return serviceDid
}
