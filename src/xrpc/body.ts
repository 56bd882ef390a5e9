/** Request bodies: type, size cap before reading, JSON, validation. Binary bodies stay streams. */
import { jsonToLex, type LexXrpcBody } from '@atproto/lexicon'
import type { MethodId } from '../generated/methods.ts'
import { error } from './errors.ts'
import { definition, lexicons } from './lexicons.ts'
import type { Binary } from './types.ts'

/** How many bytes a body may have. */
export interface Limits {
  json: number
  /** By method; a binary method that is not named takes `json`. */
  binary: Partial<Record<MethodId, number>>
}

const MAX_DEPTH = 128

/** `application/json; charset=utf-8` -> `application/json`. */
const mediaType = (header: string | null): string => (header ?? '').split(';')[0]?.trim().toLowerCase() ?? ''

const tooLarge = (limit: number) =>
  error('PayloadTooLarge', `The request body may have at most ${limit} bytes`)

function declaredLength(request: Request, limit: number): number | undefined {
  const header = request.headers.get('content-length')
  if (header === null) return undefined
  if (!/^\d{1,15}$/.test(header)) throw error('InvalidRequest', 'Content-Length: expected a number of bytes')
  if (Number(header) > limit) throw tooLarge(limit)
  return Number(header)
}

/** Passes bytes through until `limit`, then fails: a declared length may be missing or a lie. */
export const capped = (body: ReadableStream<Uint8Array>, limit: number): ReadableStream<Uint8Array> => {
  let seen = 0
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        seen += chunk.byteLength
        if (seen > limit) controller.error(tooLarge(limit))
        else controller.enqueue(chunk)
      },
    }),
  )
}

/** Collects a JSON body. Bounded by `limit`: what is held is at most one chunk more. */
async function readText(request: Request, limit: number): Promise<string> {
  if (!request.body) return ''
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const reader = request.body.getReader()
  let text = ''
  let seen = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return text + decoder.decode()
      seen += value.byteLength
      if (seen > limit) {
        await reader.cancel().catch(() => {})
        throw tooLarge(limit)
      }
      text += decoder.decode(value, { stream: true })
    }
  } catch (cause) {
    if (cause instanceof TypeError) throw error('InvalidRequest', 'The request body is not valid UTF-8')
    throw cause
  }
}

function checkDepth(value: unknown, left: number): void {
  if (typeof value !== 'object' || value === null) return
  if (left === 0) throw error('InvalidRequest', `The request body is nested deeper than ${MAX_DEPTH} levels`)
  for (const inner of Object.values(value)) checkDepth(inner, left - 1)
}

async function readJson(id: MethodId, input: LexXrpcBody, request: Request, limit: number): Promise<unknown> {
  const text = await readText(request, limit)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw error('InvalidRequest', 'The request body is not valid JSON')
  }
  if (!input.schema) return json
  checkDepth(json, MAX_DEPTH)
  try {
    return lexicons().assertValidXrpcInput(id, jsonToLex(json))
  } catch (cause) {
    throw error('InvalidRequest', cause instanceof Error ? cause.message : 'Invalid input')
  }
}

/** Whether a body was sent. A request without one has neither header, and may have a null body. */
const hasBody = (request: Request): boolean =>
  request.body !== null && request.headers.get('content-length') !== '0'

/** A method's input as its lexicon says: nothing, a validated object, or a stream. */
export async function readBody(id: MethodId, request: Request, limits: Limits): Promise<unknown> {
  const def = definition(id)
  const input = def.type === 'procedure' ? def.input : undefined
  if (!input) {
    // Clients send "{}" or a content type where nothing is expected; bytes would be a mistake.
    const length = declaredLength(request, limits.json)
    if (length === undefined ? request.body !== null && (await readText(request, limits.json)).trim() !== '' : length > 2)
      throw error('InvalidRequest', 'A request body was provided when none was expected')
    return undefined
  }
  if (!hasBody(request) && input.schema) throw error('InvalidRequest', 'A request body is expected but none was provided')
  const type = mediaType(request.headers.get('content-type'))
  if (!type) throw error('InvalidRequest', `Content-Type: expected ${input.encoding}, got none`)
  if (input.encoding !== '*/*' && type !== input.encoding)
    throw error('InvalidRequest', `Content-Type: expected ${input.encoding}, got ${type.slice(0, 100)}`)
  const isJson = input.encoding === 'application/json'
  const limit = isJson ? limits.json : (limits.binary[id] ?? limits.json)
  const length = declaredLength(request, limit)
  if (isJson) return readJson(id, input, request, limit)
  const body: Binary<string> = {
    encoding: input.encoding === '*/*' ? (request.headers.get('content-type') ?? type) : type,
    body: capped(request.body ?? new Blob([]).stream(), limit),
    ...(length === undefined ? {} : { length }),
  }
  return body
}
