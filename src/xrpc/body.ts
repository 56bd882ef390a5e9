/** Request bodies: type, size cap before reading, JSON, validation. Binary bodies stay streams. */
import { jsonToLex, type LexXrpcBody } from '@atproto/lexicon'
import type { MethodId } from '../generated/methods.ts'
import { capped } from '../streams/capped.ts'
import { error } from './errors.ts'
import { definition, lexicons } from './lexicons.ts'
import type { Binary } from './types.ts'

/** How many bytes a body may have. */
export interface Limits {
  json: number
  /** By method; one that is not named takes `json`. */
  methods: Partial<Record<MethodId, number>>
}

const MAX_DEPTH = 128
/**
 * Values in a body. Each takes microseconds and some hundred bytes by the time it is in a record, so this
 * bounds a request to tens of milliseconds. It is one for every eight bytes that the reference takes (150 KB).
 */
const MAX_VALUES = 20_000

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

/** Collects a JSON body. Bounded by `limit`: what is held is at most one chunk more. */
async function readText(request: Request, limit: number): Promise<string> {
  if (!request.body) return ''
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
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

/** Counts before anything is built: a few megabytes of brackets are a million objects. */
function checkSize(text: string): void {
  let depth = 0
  let values = 1
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x5c: // backslash: what follows belongs to it
        at++
        break
      case 0x22: // quote
        quoted = !quoted
        break
      case 0x5b: // [
      case 0x7b: // {
        if (quoted) break
        values++
        if (++depth > MAX_DEPTH) throw tooDeep()
        break
      case 0x5d: // ]
      case 0x7d: // }
        if (!quoted) depth--
        break
      case 0x2c: // comma
        if (!quoted) values++
        break
    }
    if (values > MAX_VALUES)
      throw error('PayloadTooLarge', `The request body may hold at most ${MAX_VALUES} values`)
  }
}

const tooDeep = () => error('InvalidRequest', `The request body is nested deeper than ${MAX_DEPTH} levels`)

function checkShape(value: unknown, left: number): void {
  if (typeof value !== 'object' || value === null) return
  // The library would take its value for a prototype, and the field would be gone unseen.
  if (Object.hasOwn(value, '__proto__'))
    throw error('InvalidRequest', 'A field of the request body is named __proto__, which is not taken')
  if (left === 0) throw tooDeep()
  for (const inner of Object.values(value)) checkShape(inner, left - 1)
}

async function readJson(id: MethodId, input: LexXrpcBody, request: Request, limit: number): Promise<unknown> {
  const text = await readText(request, limit)
  checkSize(text)
  let json: unknown
  try {
    // Nothing at all counts as `{}`, as in the reference: a common mistake of clients.
    json = text === '' ? {} : JSON.parse(text)
  } catch {
    throw error('InvalidRequest', 'The request body is not valid JSON')
  }
  if (!input.schema) return json
  // The library takes a list for an object without members.
  if (Array.isArray(json)) throw error('InvalidRequest', 'Input must be an object, got a list')
  checkShape(json, MAX_DEPTH)
  try {
    return lexicons().assertValidXrpcInput(id, jsonToLex(json))
  } catch (cause) {
    throw error('InvalidRequest', cause instanceof Error ? cause.message : 'Invalid input')
  }
}

const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/

/** The media type without its parameters, or a refusal. */
function contentType(request: Request, expected: string): string {
  const type = mediaType(request.headers.get('content-type'))
  if (!type) throw error('InvalidRequest', `Content-Type: expected ${expected}, got none`)
  if (!MEDIA_TYPE.test(type) || (expected !== '*/*' && type !== expected))
    throw error('InvalidRequest', `Content-Type: expected ${expected}, got ${type.slice(0, 100)}`)
  return type
}

/** Where no input is declared. Some clients send `{}` all the same; other bytes are a mistake. */
async function refuseBody(request: Request): Promise<void> {
  const unexpected = error('InvalidRequest', 'A request body was provided when none was expected')
  const limit = 64
  if ((declaredLength(request, Number.MAX_SAFE_INTEGER) ?? 0) > limit) throw unexpected
  const text = await readText(request, limit).catch(() => {
    throw unexpected
  })
  if (!['', '{}'].includes(text.trim())) throw unexpected
}

/** A method's input as its lexicon says: nothing, a validated object, or a stream. */
export async function readBody(id: MethodId, request: Request, limits: Limits): Promise<unknown> {
  const def = definition(id)
  const input = def.type === 'procedure' ? def.input : undefined
  if (!input) return refuseBody(request)
  if (request.body === null && request.headers.get('content-length') === null)
    throw error('InvalidRequest', 'A request body is expected but none was provided')
  const type = contentType(request, input.encoding)
  // A compressed blob would be stored under the hash of the wrong bytes.
  if ((request.headers.get('content-encoding') ?? 'identity').toLowerCase() !== 'identity')
    throw error('InvalidRequest', 'Content-Encoding: send the bytes as they are')
  const isJson = input.encoding === 'application/json'
  const limit = limits.methods[id] ?? limits.json
  const length = declaredLength(request, limit)
  if (isJson) return readJson(id, input, request, limit)
  const body: Binary<string> = {
    encoding: type,
    body: capped(request.body ?? new Blob([]).stream(), limit, {
      tooLarge: () => tooLarge(limit),
      brokenOff: (bytes) => error('InvalidRequest', `The request body broke off after ${bytes} bytes`),
    }),
    ...(length === undefined ? {} : { length }),
  }
  return body
}

const isStreamed = (input: unknown): input is Binary<string> =>
  typeof input === 'object' && input !== null && 'body' in input && input.body instanceof ReadableStream

/** How much of a refused body is worth reading, so that its sender gets to see the answer. */
const POLITE = 64 * 1024

/**
 * Reads what is left of a body that nobody asked for, or turns it away if it is large: an answer
 * sent over an unread body may never arrive. `input` is what was made of it for the handler, if it got that far.
 */
export async function discard(request: Request, input?: unknown): Promise<void> {
  const body = isStreamed(input) ? input.body : request.body
  // Whoever has begun to read it ends it.
  if (!body || body.locked) return
  const reader = body.getReader()
  let left = Number(request.headers.get('content-length') ?? 0) > POLITE ? 0 : POLITE
  try {
    while (left > 0) {
      const { done, value } = await reader.read()
      if (done) return
      left -= value.byteLength
    }
    await reader.cancel()
  } catch {
    // The sender is gone; there is nobody left to be polite to.
  }
}
