import { chunksOf } from './chunks.ts'

/** The errors that a capped stream fails with. */
export interface CapOptions {
  tooLarge(): Error
  /** The body failed after so many bytes. Mostly the sender went away: not an error of ours. */
  brokenOff(bytes: number, cause: unknown): Error
  /** Waits for what is read after so many bytes, or fails where that takes too long. */
  inTime?(read: Promise<Uint8Array | undefined>, bytes: number): Promise<Uint8Array | undefined>
}

/** Passes bytes through until `limit`, then fails: a declared length may be missing or wrong. */
export const capped = (
  body: ReadableStream<Uint8Array>,
  limit: number,
  options: CapOptions,
): ReadableStream<Uint8Array> => {
  const source = chunksOf(body)
  let seen = 0
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const read = source.next().catch((cause: unknown) => {
          // A mistake of ours.
          if (cause instanceof TypeError) throw cause
          throw options.brokenOff(seen, cause)
        })
        const chunk = await (options.inTime?.(read, seen) ?? read).catch((cause: unknown) => {
          void source.cancel(cause)
          throw cause
        })
        if (!chunk) return controller.close()
        seen += chunk.byteLength
        if (seen <= limit) return controller.enqueue(chunk.slice())
        const refused = options.tooLarge()
        await source.cancel(refused)
        throw refused
      },
      cancel: (reason) => source.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
