/** A byte source, pulled. Whatever kind of stream stands behind it, this is all that a reader needs. */
export interface Chunks {
  /** The next bytes, good until the next call; undefined at the end. */
  next(): Promise<Uint8Array | undefined>
  /** Stops the sender. It may be called at any time and more than once, and does not throw. */
  cancel(reason?: unknown): Promise<void>
}

const SIZE = 64 * 1024

/**
 * Large reads into one buffer that goes back and forth. Request bodies in workerd come in chunks of
 * 4 KB otherwise, each with its own trip.
 */
const byob = (reader: ReadableStreamBYOBReader): Chunks => {
  let buffer: ArrayBufferLike = new ArrayBuffer(SIZE)
  let ended = false
  return {
    next: async () => {
      if (ended) return undefined
      const view = new Uint8Array(buffer)
      // Outside of workerd there is no readAtLeast: shorter reads then, no other difference.
      const { value, done } = await ('readAtLeast' in reader
        ? reader.readAtLeast(SIZE, view)
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

/** Reads a stream, or anything that yields bytes, in the way that is cheapest for it. */
export const chunksOf = (body: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>): Chunks => {
  if (!('getReader' in body)) return iterated(body[Symbol.asyncIterator]())
  try {
    return byob(body.getReader({ mode: 'byob' }))
  } catch {
    // Not a byte stream.
    return plain(body.getReader())
  }
}
