/** Where the bytes of a stream come from, piece by piece. */
export interface Pieces {
  /** Gets what ends the stream with an error at any time, also while the reader waits for nothing. */
  begin?(fail: (cause: Error) => void): void
  /** The next piece; undefined at the end. */
  next(): Uint8Array | undefined
  /** The reader has cancelled the stream. */
  cancel(): void
}

/**
 * A stream of pieces, each made only when the reader asks for it, so that a slow reader slows the source down.
 * An error of the source is the stream's error.
 */
export const byteStream = (pieces: Pieces): ReadableStream<Uint8Array> =>
  new ReadableStream<Uint8Array>(
    {
      start: (controller) => pieces.begin?.((cause) => controller.error(cause)),
      pull: (controller) => {
        const piece = pieces.next()
        if (piece) controller.enqueue(piece)
        else controller.close()
      },
      cancel: () => pieces.cancel(),
    },
    { highWaterMark: 0 },
  )
