import { isStandardError, STANDARD_ERRORS } from '../../standardErrors.ts'
import { XrpcError } from '../errors.ts'
import { decodeFirst } from './cbor.ts'
import { SUBSCRIBE_REPOS, type Info, type RepoEvent } from './event.ts'

/** The spec's limit. The stream ends when a server sends a longer frame. */
const MAX_FRAME_BYTES = 5_000_000

const EVENT_NAMES = ['#commit', '#sync', '#identity', '#account']
const DECLARED_ERRORS = ['FutureCursor', 'ConsumerTooSlow']

interface Fields {
  [name: string]: unknown
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

/** A frame's body, with the type that its header names. */
export interface Message {
  event?: RepoEvent
  info?: Info
  seq?: number
}

const unexpected = (what: string): XrpcError => new XrpcError('Unexpected', `a frame ${what}`)

const asText = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Reads a frame: two DAG-CBOR objects, a header and a body. An error that the server sent is thrown. */
export function readFrame(bytes: Uint8Array): Message {
  if (bytes.length > MAX_FRAME_BYTES) throw unexpected(`of ${bytes.length} bytes`)
  let header: unknown, body: unknown
  try {
    const first = decodeFirst(bytes)
    const second = decodeFirst(bytes, first.end)
    if (second.end !== bytes.length) throw new TypeError('something after its body')
    ;[header, body] = [first.value, second.value]
  } catch (cause) {
    throw new XrpcError('Unexpected', `a frame that cannot be read: ${cause}`, { cause })
  }
  if (!isObject(header) || !isObject(body)) throw unexpected('that is not two objects')
  if (header['op'] === -1) {
    const error = asText(body['error']) || 'Unexpected'
    const status = isStandardError(error) ? STANDARD_ERRORS[error] : 0
    const declared = status > 0 || DECLARED_ERRORS.includes(error)
    throw new XrpcError(error, asText(body['message']) || error, { status, declared })
  }
  // Unknown kinds of frames and messages are skipped, as the spec requires.
  const name = header['op'] === 1 ? asText(header['t']) : ''
  const { seq } = body
  // The fields are trusted to be what the lexicon says, as in every answer of the server.
  const message = { ...body, $type: SUBSCRIBE_REPOS + name } as unknown
  if (name === '#info') return { info: message as Info }
  if (!EVENT_NAMES.includes(name)) return Number.isSafeInteger(seq) ? { seq: Number(seq) } : {}
  if (!Number.isSafeInteger(seq)) throw unexpected('without a seq')
  return { seq: Number(seq), event: message as RepoEvent }
}
