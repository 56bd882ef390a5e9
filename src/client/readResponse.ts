import { isStandardError } from '../standardErrors.ts'
import { XrpcError } from './errors.ts'
import type { Download } from './types.ts'

/** No XRPC answer in JSON is nearly as long: no server sends a hundred records of 1 MB. */
const MAX_JSON_BYTES = 16 * 2 ** 20

/** The encoding of every body for which the lexicon names no other. */
export const JSON_BODY = 'application/json'

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** The body up to a limit, because a server could send without end. */
function text({ body }: Response): Promise<string> {
  let size = 0
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.length
      if (size > MAX_JSON_BYTES) throw new XrpcError('Unexpected', 'an answer longer than 16 MiB')
      controller.enqueue(chunk)
    },
  })
  return new Response(body?.pipeThrough(counted)).text()
}

const parse = (source: string): unknown => {
  try {
    return JSON.parse(source)
  } catch {
    return undefined
  }
}

/**
 * A method's output, or the {@link XrpcError} that it answered. `output` is the lexicon's encoding, `''` for none;
 * `errors` are its declared names.
 */
export async function readResponse(
  response: Response,
  errors: readonly string[],
  output: string,
): Promise<unknown> {
  const { ok, status, headers } = response
  const encoding = headers.get('content-type') ?? ''
  const type = encoding.split(';')[0]?.trim().toLowerCase()

  if (ok && output && output !== JSON_BODY && (output === '*/*' || output === type)) {
    // The length of a compressed body is not the number of bytes that arrive.
    const length = headers.has('content-encoding') ? null : headers.get('content-length')
    const download: Download<string> = {
      encoding,
      body: response.body ?? new Blob([]).stream(),
      ...(length && { length: Number(length) }),
      status,
      headers,
    }
    return download
  }
  // Read or cancelled in any case: an open body keeps the connection.
  const body = type === JSON_BODY ? parse(await text(response)) : await response.body?.cancel()
  const fail = (error: string, message: string, declared = true) =>
    new XrpcError(error, message, { status, headers, declared })
  const { error, message } = isObject(body) ? body : {}
  if (ok && !output) return undefined
  if (ok && output === JSON_BODY && isObject(body)) return body
  if (ok || typeof error !== 'string') {
    const to = headers.get('location')
    throw fail(
      'Unexpected',
      `expected ${output || 'XRPC'}, got HTTP ${status} ${to ? `to ${to}` : `"${encoding}"`}`,
    )
  }
  const declared = errors.includes(error) || isStandardError(error)
  throw fail(error, typeof message === 'string' ? message : error, declared)
}
