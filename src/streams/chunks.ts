/** A source of bytes that the reader pulls from, whatever kind of stream is behind it. */
export interface Chunks {
  /** The next bytes, valid until the next call; undefined at the end. */
  next(): Promise<Uint8Array | undefined>
  /** Stops the sender. It may be called at any time, more than once, and does not throw. */
  cancel(reason?: unknown): Promise<void>
}

/** How much is asked for at once. */
export const READ_BYTES = 64 * 1024

/**
 * Reads large chunks into one buffer that is handed back and forth. Request bodies in workerd come in chunks of 4 KB
 * otherwise, each with a round trip of its own.
 */
const byob = (reader: ReadableStreamBYOBReader, asTheyCome: boolean): Chunks => {
  let buffer: ArrayBufferLike = new ArrayBuffer(READ_BYTES)
  let ended = false
  return {
    next: async () => {
      if (ended) return undefined
      const view = new Uint8Array(buffer)
      // Outside of workerd there is no readAtLeast: reads are shorter then, which makes no other difference.
      const { value, done } = await (!asTheyCome && 'readAtLeast' in reader
        ? reader.readAtLeast(READ_BYTES, view)
        : (reader as ReadableStreamBYOBReader).read(view))
      ended = done
      if (value) buffer = value.buffer
      return value && value.length > 0 ? value : undefined
    },
    cancel: async (reason) => {
      ended = true
      await reader.cancel(reason).catch(() => {})
    },
  }
}

const plain = (reader: ReadableStreamDefaultReader<Uint8Array>): Chunks => ({
  next: async () => (await reader.read()).value,
  cancel: (reason) => reader.cancel(reason).catch(() => {}),
})

const iterated = (iterator: AsyncIterator<Uint8Array>): Chunks => ({
  next: async () => {
    const { value, done } = await iterator.next()
    return done ? undefined : value
  },
  cancel: async () => {
    await iterator.return?.().catch(() => {})
  },
})

/**
 * Reads a stream, or anything that yields bytes, in the way that is cheapest for it. With `asTheyCome`, bytes that have
 * arrived do not wait for more.
 */
export const chunksOf = (
  body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  { asTheyCome = false } = {},
): Chunks => {
  if (!('getReader' in body)) return iterated(body[Symbol.asyncIterator]())
  try {
    return byob(body.getReader({ mode: 'byob' }), asTheyCome)
  } catch {
    // It is not a byte stream.
    return plain(body.getReader())
  }
}
