import type { LexXrpcBody } from '@atproto/lexicon'
import type { MethodId } from '../generated/methods.ts'
import { capped } from '../streams/capped.ts'
import { READ_BYTES } from '../streams/chunks.ts'
import { decompress, isCoding } from '../streams/decompress.ts'
import { type Timer, within } from './deadline.ts'
import { error, XrpcError } from './errors.ts'
import { definition, lexicons } from './lexicons.ts'
import { MAX_DEPTH, readData, tooDeep } from './readData.ts'
import type { Binary } from './types.ts'

/** How many bytes the body of a request may have. */
export interface BodyLimits {
  json: number
  /** By method. `json` is the limit of a method that is not named. */
  methods: Partial<Record<MethodId, number>>
}

/** How long the body of a request may take, in milliseconds. */
export interface BodyTimes {
  /** The whole of a JSON body. */
  jsonMs: number
  /** The same where no credential was verified, and what is read of a body that was refused. */
  anonymousMs: number
  /** Each `READ_BYTES` (64 KiB) of a binary body, and its end. */
  stallMs: number
}

/** How a body is read. */
export interface BodyOptions {
  limits: BodyLimits
  times: BodyTimes
  timer: Timer
  /** No credential was verified. */
  anonymous: boolean
}

/**
 * Values in a body. Each costs microseconds, and some hundred bytes once it is in a record, so this bounds a request
 * to tens of milliseconds. It is one value for every eight bytes of the reference's limit (150 KB).
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

/** Collects a JSON body. At most `limit` bytes and one chunk are held, and for so long only. */
async function readText(
  body: ReadableStream<Uint8Array> | null,
  limit: number,
  options: BodyOptions,
): Promise<string> {
  if (!body) return ''
  const { timer, times, anonymous } = options
  const ms = anonymous ? times.anonymousMs : times.jsonMs
  const reader = body.getReader()
  return await within(timer, ms, collectText(reader, limit), () => {
    void reader.cancel().catch(() => {})
    return error(
      'RequestTimeout',
      `The request body did not arrive within ${ms / 1000} seconds: send it again`,
    )
  })
}

async function collectText(reader: ReadableStreamDefaultReader<Uint8Array>, limit: number): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
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

/** Counts values and depth before anything is built: a few megabytes of brackets are a million objects. */
function checkSize(text: string): void {
  let depth = 0
  let values = 1
  let quoted = false
  for (let offset = 0; offset < text.length; offset++) {
    switch (text.charCodeAt(offset)) {
      case 0x5c: // backslash: the next character belongs to it
        offset++
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

async function readJson(
  id: MethodId,
  input: LexXrpcBody,
  body: ReadableStream<Uint8Array> | null,
  options: BodyOptions & { limit: number },
): Promise<unknown> {
  const text = await readText(body, options.limit, options)
  checkSize(text)
  let json: unknown
  try {
    // An empty body counts as `{}`, as in the reference: clients often send none.
    json = text === '' ? {} : JSON.parse(text)
  } catch {
    throw error('InvalidRequest', 'The request body is not valid JSON')
  }
  if (!input.schema) return json
  // The library accepts a list as an object without members.
  if (Array.isArray(json)) throw error('InvalidRequest', 'Input must be an object, got a list')
  const data = readData(json)
  try {
    return lexicons().assertValidXrpcInput(id, data)
  } catch (cause) {
    throw error('InvalidRequest', cause instanceof Error ? cause.message : 'Invalid input')
  }
}

const ANY_TYPE = '*/*'
const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/

/**
 * The media type without its parameters. Throws when it is not the expected one. Where any is, `ANY_TYPE` stands for a
 * sender that does not know, as goat says it, or says nothing.
 */
function contentType(request: Request, expected: string): string {
  const type = mediaType(request.headers.get('content-type'))
  if (expected === ANY_TYPE && (type === '' || type === ANY_TYPE)) return ANY_TYPE
  if (!type) throw error('InvalidRequest', `Content-Type: expected ${expected}, got none`)
  if (!MEDIA_TYPE.test(type) || (expected !== ANY_TYPE && type !== expected))
    throw error('InvalidRequest', `Content-Type: expected ${expected}, got ${type.slice(0, 100)}`)
  return type
}

/** A body in brotli is held whole, as it came and as it was: for records this is as much as they may have anyway. */
const BROTLI_LIMIT_BYTES = 4 * 1024 * 1024

/** The body as it was before it was compressed. What is compressed twice, or in another way, is refused. */
function decoded(request: Request, limit: number): ReadableStream<Uint8Array> | null {
  const coding = (request.headers.get('content-encoding') ?? 'identity').trim().toLowerCase()
  if (coding === 'identity' || request.body === null) return request.body
  if (!isCoding(coding))
    throw error(
      'InvalidRequest',
      `Content-Encoding: expected gzip, deflate or br, or none, got ${coding.slice(0, 100)}`,
    )
  const brotliLimit = Math.min(limit, BROTLI_LIMIT_BYTES)
  return decompress(request.body, coding, {
    brotliLimit,
    tooLarge: () => tooLarge(brotliLimit),
    broken: () => error('InvalidRequest', `The request body is not what Content-Encoding says: ${coding}`),
  })
}

/** For a method without an input. Some clients send `{}` all the same; any other bytes are a mistake. */
async function refuseBody(request: Request, options: BodyOptions): Promise<void> {
  const unexpected = error('InvalidRequest', 'A request body was provided when none was expected')
  const limit = 64
  if ((declaredLength(request, Number.MAX_SAFE_INTEGER) ?? 0) > limit) throw unexpected
  const text = await readText(decoded(request, limit), limit, options).catch((cause: unknown) => {
    throw cause instanceof XrpcError && cause.error === 'RequestTimeout' ? cause : unexpected
  })
  if (!['', '{}'].includes(text.trim())) throw unexpected
}

const stalled = (ms: number, bytes: number) =>
  error(
    'RequestTimeout',
    `The request body stalled: after its first ${bytes} bytes, fewer than ${READ_BYTES} came in ${ms / 1000} seconds. Send it again`,
  )

/**
 * A method's input as its lexicon declares it: undefined, a validated object, or a stream. The type and the length are
 * checked before anything is read, and no more than the limit is ever read. Binary bodies stay streams. A body that
 * does not arrive in time is `RequestTimeout`: a JSON body as a whole, a stream where it stops.
 */
export async function readBody(id: MethodId, request: Request, options: BodyOptions): Promise<unknown> {
  const { limits, times, timer } = options
  const def = definition(id)
  const input = def.type === 'procedure' ? def.input : undefined
  if (!input) return refuseBody(request, options)
  if (request.body === null && request.headers.get('content-length') === null)
    throw error('InvalidRequest', 'A request body is expected but none was provided')
  const type = contentType(request, input.encoding)
  const isJson = input.encoding === 'application/json'
  const limit = limits.methods[id] ?? limits.json
  const sent = declaredLength(request, limit)
  const bytes = decoded(request, limit)
  // Limits are of what was decoded, and nobody says how much that is.
  const length = bytes === request.body ? sent : undefined
  if (isJson) return readJson(id, input, bytes, { ...options, limit })
  const body: Binary<string> = {
    encoding: type,
    body: capped(bytes ?? new Blob([]).stream(), limit, {
      tooLarge: () => tooLarge(limit),
      brokenOff: (bytes, cause) =>
        cause instanceof XrpcError
          ? cause
          : error('InvalidRequest', `The request body broke off after ${bytes} bytes`),
      inTime: (read, bytes) => within(timer, times.stallMs, read, () => stalled(times.stallMs, bytes)),
    }),
    ...(length === undefined ? {} : { length }),
  }
  return body
}
