import { JSON_BODY } from './readResponse.ts'
import type { Upload } from './types.ts'

/** The body of a request, as `fetch` takes it. */
export interface Payload {
  body?: BodyInit
  encoding?: string
  length?: number
  /** Whether the body is a stream, which can be sent only once. */
  once?: boolean
}

type Pair = ReadableWritablePair<Uint8Array, Uint8Array>

/** A method's params as the query of a URL, with the `?`; `''` for none. */
export function queryString(params: Record<string, unknown> = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params))
    for (const item of [value].flat()) if (item !== undefined) search.append(name, String(item))
  return `${search}` && `?${search}`
}

/**
 * Whether a stream can be sent with its length. Browsers remove the header, and few can stream a body: they send a
 * Blob, which they keep on disk.
 */
const sendsLength = (): boolean =>
  new Request('https://host.invalid', { headers: { 'content-length': '1' } }).headers.has('content-length')

/** Workers send a length only if the stream itself knows it. The class exists only there. */
const Fixed: (new (length: number) => Pair) | undefined = Reflect.get(globalThis, 'FixedLengthStream')

const isUpload = (input: unknown): input is Upload<string> => input instanceof Object && 'body' in input

/** A method's input as the body of a request. `declared` is the lexicon's encoding of the input, `''` for none. */
export async function toPayload(declared: string, input: unknown): Promise<Payload> {
  if (!declared) return {}
  if (declared === JSON_BODY) return { body: JSON.stringify(input ?? {}), encoding: declared }
  const upload: { body: unknown; encoding?: string; length?: number } = isUpload(input)
    ? input
    : { body: input }
  const { body, length } = upload
  const type = body instanceof Blob && body.type
  const encoding = upload.encoding || (declared === '*/*' ? type || 'application/octet-stream' : declared)
  if (body instanceof Blob) return { body, encoding }
  // The type allows shared memory, which fetch itself refuses.
  if (body instanceof Uint8Array) return { body: body as Uint8Array<ArrayBuffer>, encoding }
  if (!(body instanceof ReadableStream)) throw new TypeError('a body is a ReadableStream, Uint8Array or Blob')
  if (!sendsLength()) return { body: await new Response(body).blob(), encoding }
  const fixed = Fixed && length !== undefined ? body.pipeThrough(new Fixed(length)) : body
  return { body: fixed, encoding, length, once: true }
}
