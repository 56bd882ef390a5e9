import { chunksOf } from './chunks.ts'

/** A body that was read to its end, or the same body from its beginning where it is longer than was to be held. */
export type ReadBody = { bytes: Uint8Array<ArrayBuffer> } | { stream: ReadableStream<Uint8Array> }

/** Holds a body of at most `max` bytes. A longer one is not lost: what was read comes first, and then the rest as it comes. */
export const readUpTo = async (body: ReadableStream<Uint8Array>, max: number): Promise<ReadBody> => {
  const chunks = chunksOf(body)
  const parts: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  while (size <= max) {
    const chunk = await chunks.next()
    if (!chunk) return { bytes: joined(parts, size) }
    parts.push(chunk.slice())
    size += chunk.byteLength
  }
  const stream = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const part = parts.shift() ?? (await chunks.next())?.slice()
      if (part) controller.enqueue(part)
      else controller.close()
    },
    cancel: (reason) => chunks.cancel(reason),
  })
  return { stream }
}

const joined = (parts: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.byteLength
  }
  return bytes
}
