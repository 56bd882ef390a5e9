import { chunksOf } from './chunks.ts'

/** How `relay` is followed and ended. */
export interface RelayOptions {
  /** It waits for the source. */
  reading?: () => void
  /** It waits for the sink to take what was read. */
  writing?: () => void
  /** Ends it, with the signal's reason. */
  signal?: AbortSignal
}

/**
 * Moves bytes from a stream to another as they come, one chunk at a time. Where one of the two fails, it ends the other
 * and rejects.
 */
export const relay = async (
  source: ReadableStream<Uint8Array>,
  sink: WritableStream<Uint8Array>,
  { reading, writing, signal }: RelayOptions,
): Promise<void> => {
  const chunks = chunksOf(source, { asTheyCome: true })
  const writer = sink.getWriter()
  const end = (cause: unknown): Promise<unknown> =>
    Promise.all([chunks.cancel(cause), writer.abort(cause).catch(() => {})])
  const onAbort = (): void => void end(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  try {
    for (;;) {
      signal?.throwIfAborted()
      reading?.()
      const chunk = await chunks.next()
      // A source that was cancelled looks like one that has ended.
      signal?.throwIfAborted()
      if (!chunk) break
      writing?.()
      await writer.write(chunk)
    }
    await writer.close()
  } catch (cause) {
    await end(cause)
    throw cause
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}
