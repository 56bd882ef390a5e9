import type { BodyOptions } from './body.ts'
import type { Binary } from './types.ts'

const isStreamed = (input: unknown): input is Binary<string> =>
  typeof input === 'object' && input !== null && 'body' in input && input.body instanceof ReadableStream

/** How much of a refused body is read, so that its sender sees the answer. */
const MAX_DISCARDED_BYTES = 64 * 1024

/**
 * Reads the rest of a body that the handler did not read, or cancels it if it is large: an answer that is sent while
 * the body is unread may never arrive. It waits for `anonymousMs` at most. `input` is what `readBody` returned, if it was called.
 */
export async function discard(
  request: Request,
  { timer, times }: Pick<BodyOptions, 'timer' | 'times'>,
  input?: unknown,
): Promise<void> {
  const body = isStreamed(input) ? input.body : request.body
  // A reader that has begun on it also ends it.
  if (!body || body.locked) return
  const reader = body.getReader()
  let left =
    Number(request.headers.get('content-length') ?? 0) > MAX_DISCARDED_BYTES ? 0 : MAX_DISCARDED_BYTES
  const cancel = (): void => void reader.cancel().catch(() => {})
  const stop = timer(times.anonymousMs, cancel)
  try {
    while (left > 0) {
      const { done, value } = await reader.read()
      if (done) return
      left -= value.byteLength
    }
    await reader.cancel()
  } catch {
    // The sender is gone: nobody waits for the answer.
  } finally {
    stop()
  }
}
