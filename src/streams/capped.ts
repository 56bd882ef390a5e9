import { chunksOf } from './chunks.ts'

/** The errors that a capped stream fails with. */
export interface CapErrors {
  tooLarge(): Error
  /** The sender went away after so many bytes: not an error of ours. */
  brokenOff(bytes: number): Error
}

/** Passes bytes through until `limit`, then fails: a declared length may be missing or wrong. */
export const capped = (
  body: ReadableStream<Uint8Array>,
  limit: number,
  errors: CapErrors,
): ReadableStream<Uint8Array> => {
  const source = chunksOf(body)
  let seen = 0
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const chunk = await source.next().catch((cause: unknown) => {
          // A mistake of ours.
          if (cause instanceof TypeError) throw cause
          throw errors.brokenOff(seen)
        })
        if (!chunk) return controller.close()
        seen += chunk.byteLength
        if (seen <= limit) return controller.enqueue(chunk.slice())
        const refused = errors.tooLarge()
        await source.cancel(refused)
        throw refused
      },
      cancel: (reason) => source.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
