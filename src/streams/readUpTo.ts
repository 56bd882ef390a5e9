import { chunksOf } from './chunks.ts'
import { joinBytes } from './joinBytes.ts'

/** A body that was read to its end, or the same body from its beginning where it is not held. */
export type ReadBody = { bytes: Uint8Array<ArrayBuffer> } | { stream: ReadableStream<Uint8Array> }

export interface ReadUpToOptions {
  /** A longer body is not held. */
  max: number
  /** A body that has not ended by then is not held. */
  late?: Promise<unknown>
  /** Asked before so many more bytes are held; false: the body is not held. */
  mayHold?(bytes: number): boolean
}

/** Holds a body. One that may not be held is not lost: what was read comes first, and then the rest as it comes. */
export const readUpTo = async (
  body: ReadableStream<Uint8Array>,
  { max, late, mayHold = () => true }: ReadUpToOptions,
): Promise<ReadBody> => {
  const chunks = chunksOf(body, { asTheyCome: true })
  const parts: Uint8Array<ArrayBuffer>[] = []
  const isLate = late?.then(() => 'late' as const)
  let size = 0
  let reading: Promise<Uint8Array | undefined> | undefined
  while (size <= max) {
    reading = chunks.next()
    const chunk = await (isLate ? Promise.race([reading, isLate]) : reading)
    if (chunk === 'late') break
    reading = undefined
    if (!chunk) return { bytes: joinBytes(parts) }
    parts.push(chunk.slice())
    size += chunk.byteLength
    if (!mayHold(chunk.byteLength)) break
  }
  const next = async (): Promise<Uint8Array | undefined> => {
    const chunk = await (reading ?? chunks.next())
    reading = undefined
    return chunk?.slice()
  }
  const stream = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const part = parts.shift() ?? (await next())
      if (part) controller.enqueue(part)
      else controller.close()
    },
    cancel: (reason) => chunks.cancel(reason),
  })
  return { stream }
}
