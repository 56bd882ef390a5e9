/** Where the bytes of a stream come from, piece by piece. */
export interface Pieces {
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
      pull: (controller) => {
        const piece = pieces.next()
        if (piece) controller.enqueue(piece)
        else controller.close()
      },
      cancel: () => pieces.cancel(),
    },
    { highWaterMark: 0 },
  )
