import { XrpcError } from './errors.ts'
import type { Download } from './types.ts'

interface Patience {
  retries?: number
  signal?: AbortSignal
}

export const worthIt = (error: unknown): error is XrpcError =>
  error instanceof XrpcError &&
  (error.error === 'NetworkError' || error.status === 429 || (error.status >= 500 && error.status !== 501))

/** Half a second, one, two, ... with some chance in it. */
export const backoff = (attempt: number): number => 500 * 2 ** attempt * (0.5 + Math.random())

/** As long as it takes, but at least what the server asked for. */
function pause(attempt: number, error: unknown, signal: AbortSignal | undefined): Promise<void> {
  const asked = error instanceof XrpcError ? Number(error.headers.get('retry-after')) * 1000 : 0
  return sleep(Math.max(backoff(attempt), Math.min(asked || 0, 300_000)), signal)
}

/** Rejects with the signal's reason when it is aborted. */
export function sleep(wait: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const timer = setTimeout(done, wait)
    const abort = () => done(signal?.reason)
    signal?.addEventListener('abort', abort)
    function done(reason?: unknown) {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      if (signal?.aborted) reject(reason)
      else resolve()
    }
  })
}

/** Repeats what may be repeated: no answer, too many requests, the server's own trouble. */
export const retrying =
  ({ retries = 5, signal }: Patience) =>
  async <T>(task: () => Promise<T>): Promise<T> => {
    for (let attempt = 0; ; attempt++)
      try {
        return await task()
      } catch (error) {
        if (attempt >= retries || !worthIt(error)) throw error
        await pause(attempt, error, signal)
      }
  }

/** Where the body of an answer begins in the whole. */
export const startOf = ({ status, headers }: Download<'*/*'>): number =>
  status === 206 ? Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1]) : 0

interface Rest {
  body: ReadableStream<Uint8Array>
  /** The byte that it begins with; as much as is there already is passed over. */
  start: number
}

/** A body that asks for the rest when it breaks off. What a CID names never changes, so the parts fit. */
export function resuming(
  first: Pick<Download<'*/*'>, 'body' | 'length'>,
  open: (from: number) => Promise<Rest>,
  { retries = 5, signal }: Patience,
): ReadableStream<Uint8Array> {
  let reader = first.body.getReader()
  let received = 0
  let skip = 0
  let failures = 0

  async function recover(error: unknown): Promise<void> {
    signal?.throwIfAborted()
    if (failures++ >= retries) throw error
    await pause(failures, error, signal)
    let rest: Rest
    try {
      rest = await open(received)
    } catch {
      throw error
    }
    const { body, start } = rest
    if (!(start <= received)) {
      await body.cancel()
      throw new XrpcError('Unexpected', 'the server answered another range than asked for')
    }
    // A server without ranges begins again.
    skip = received - start
    reader = body.getReader()
  }

  async function read(): Promise<Uint8Array | undefined> {
    for (;;)
      try {
        const { done, value } = await reader.read()
        if (!done && value.length <= skip) {
          skip -= value.length
          continue
        }
        if (done && received < (first.length ?? 0)) throw new Error(`the body ended at byte ${received}`)
        if (done) return undefined
        const chunk = value.subarray(skip)
        skip = 0
        received += chunk.length
        failures = 0
        return chunk
      } catch (error) {
        await recover(error)
      }
  }

  return new ReadableStream({
    async pull(controller) {
      const chunk = await read()
      if (chunk) controller.enqueue(chunk)
      else controller.close()
    },
    cancel: (reason) => reader.cancel(reason),
  })
}
