import { lexToJson } from '@atproto/lexicon'
import type { MethodId } from '../generated/methods.ts'
import { XrpcError } from './errors.ts'
import { definition, mayAnswer } from './lexicons.ts'
import type { Binary, NotModified } from './types.ts'

const isNotModified = (value: object): value is NotModified => 'notModified' in value

/** Script never runs from our origin, whatever a blob or an error body holds. */
export const SANDBOX_HEADERS = {
  'content-security-policy': "default-src 'none'; sandbox",
  'x-content-type-options': 'nosniff',
}

function binary(output: Binary<string> | NotModified): Response {
  if (isNotModified(output))
    return new Response(null, { status: 304, headers: { ...SANDBOX_HEADERS, etag: `"${output.etag}"` } })
  const { encoding, body, length, etag, range, headers } = output
  const size = range?.length ?? length
  return new Response(body, {
    status: range ? 206 : 200,
    headers: {
      ...SANDBOX_HEADERS,
      'content-type': encoding,
      ...(size === undefined ? {} : { 'content-length': String(size) }),
      ...(etag === undefined ? {} : { etag: `"${etag}"`, 'accept-ranges': 'bytes' }),
      ...(range
        ? { 'content-range': `bytes ${range.offset}-${range.offset + range.length - 1}/${range.size}` }
        : {}),
      ...headers,
    },
  })
}

/** Throws what is wrong with an output. */
export type CheckOutput = (id: MethodId, output: unknown) => void

/** A handler's output as a response. What is JSON is checked first. */
export function encodeOutput(id: MethodId, output: unknown, check?: CheckOutput): Response {
  const def = definition(id)
  const declared = def.type === 'subscription' ? undefined : def.output
  if (!declared) return new Response(null, { status: 200 })
  // The handler's type guarantees it: an output without a schema is a Binary.
  if (!declared.schema) return binary(output as Binary<string> | NotModified)
  check?.(id, output)
  return Response.json(lexToJson(output as Parameters<typeof lexToJson>[0]), {
    headers: { 'x-content-type-options': 'nosniff' },
  })
}

/** An error as it is answered. */
export const errorResponse = (
  status: number,
  name: string,
  message: string,
  headers: Record<string, string> = {},
): Response =>
  Response.json({ error: name, message }, { status, headers: { ...SANDBOX_HEADERS, ...headers } })

/** Receives the details of a bug, with the id that the caller was given. */
export type Report = (id: string, cause: unknown) => void

/**
 * A thrown error as a response. A bug becomes a 500 with an id, and its message goes to the log only.
 * So does an error name that the method does not declare, because callers compile against the declared names.
 */
export function encodeError(cause: unknown, newId: () => string, report: Report, id?: MethodId): Response {
  const known = cause instanceof XrpcError && (cause.standard || !id || mayAnswer(id, cause.error))
  if (known) return errorResponse(cause.status, cause.error, cause.message, cause.headers)
  const reference = newId()
  report(reference, cause)
  return errorResponse(500, 'InternalServerError', `Internal error; reference ${reference}`)
}
