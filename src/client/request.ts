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

export function query(params: Record<string, unknown> = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params))
    for (const item of [value].flat()) if (item !== undefined) search.append(name, String(item))
  return `${search}` && `?${search}`
}

/** Browsers strip the header, and few of them stream a body. There a Blob goes, which they keep on disk. */
const tellsLength = (): boolean =>
  new Request('https://host.invalid', { headers: { 'content-length': '1' } }).headers.has('content-length')

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
  if (type !== false || body instanceof Uint8Array) return { body, encoding }
  if (!(body instanceof ReadableStream)) throw new TypeError('a body is a ReadableStream, Uint8Array or Blob')
  if (!tellsLength()) return { body: await new Response(body).blob(), encoding }
  // Workers send a length only if the stream itself knows it.
  const fixed =
    length === undefined || typeof FixedLengthStream === 'undefined'
      ? body
      : body.pipeThrough(new FixedLengthStream(length))
  return { body: fixed, encoding, length, once: true }
}
