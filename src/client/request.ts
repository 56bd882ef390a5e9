/** From params and input to what `fetch` takes. */
import { JSON_BODY } from './answer.ts'
import type { Upload } from './types.ts'

export interface Payload {
  body?: BodyInit
  encoding?: string
  length?: number
  /** A stream can be sent only once. */
  once?: boolean
}

type Pair = ReadableWritablePair<Uint8Array, Uint8Array>

export function query(params: Record<string, unknown> = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params))
    for (const item of [value].flat()) if (item !== undefined) search.append(name, String(item))
  return `${search}` && `?${search}`
}

/** Browsers strip the header, and few of them stream a body. There a Blob goes, which they keep on disk. */
const tellsLength = (): boolean =>
  new Request('https://host.invalid', { headers: { 'content-length': '1' } }).headers.has('content-length')

/** Workers send a length only if the stream itself knows it. Elsewhere there is no such class. */
const Fixed: (new (length: number) => Pair) | undefined = Reflect.get(globalThis, 'FixedLengthStream')

const isUpload = (input: unknown): input is Upload<string> => input instanceof Object && 'body' in input

/** `method` is the encoding that the lexicon gives the input, `''` for none. */
export async function payload(method: string, input: unknown): Promise<Payload> {
  if (!method) return {}
  if (method === JSON_BODY) return { body: JSON.stringify(input ?? {}), encoding: method }
  const upload: { body: unknown; encoding?: string; length?: number } = isUpload(input)
    ? input
    : { body: input }
  const { body, length } = upload
  const type = body instanceof Blob && body.type
  const encoding = upload.encoding || (method === '*/*' ? type || 'application/octet-stream' : method)
  if (body instanceof Blob) return { body, encoding }
  // fetch itself refuses shared memory, which the type would let through.
  if (body instanceof Uint8Array) return { body: body as Uint8Array<ArrayBuffer>, encoding }
  if (!(body instanceof ReadableStream)) throw new TypeError('a body is a ReadableStream, Uint8Array or Blob')
  if (!tellsLength()) return { body: await new Response(body).blob(), encoding }
  const fixed = Fixed && length !== undefined ? body.pipeThrough(new Fixed(length)) : body
  return { body: fixed, encoding, length, once: true }
}
