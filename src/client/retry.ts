import { XrpcError } from './errors.ts'
import type { Download } from './types.ts'

export interface RetryOptions {
  retries?: number
  signal?: AbortSignal
  /** Waits in place of a timer, where there is a signal. Rejects when it is aborted. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Whether another attempt may succeed: no answer, too many requests, or a failure of the server. */
export const isRetryable = (error: unknown): error is XrpcError =>
  error instanceof XrpcError &&
  (error.error === 'NetworkError' || error.status === 429 || (error.status >= 500 && error.status !== 501))

/** Half a second, one, two, ..., each varied at random by half. */
export const backoffMs = (attempt: number): number => 500 * 2 ** attempt * (0.5 + Math.random())

/**
 * How long a server wants a caller to wait, in milliseconds: `retry-after` as seconds or as a date, or the
 * `ratelimit-reset` of a PDS. 0 if it does not say.
 */
export function askedToWaitMs(headers: Headers, nowMs: number): number {
  const after = headers.get('retry-after')
  if (after !== null) {
    const ms = /^\s*\d+\s*$/.test(after) ? Number(after) * 1000 : Date.parse(after) - nowMs
    return Math.max(0, ms || 0)
  }
  // Of a 429 only: other answers have it too.
  const reset = Number(headers.get('ratelimit-reset'))
  return reset > 0 ? Math.max(0, reset * 1000 - nowMs) : 0
}

const MAX_ASKED_MS = 300_000

/**
 * Waits before the next attempt: at least as long as the server asked for, but not more than five minutes for that.
 */
function pause(attempt: number, error: unknown, { signal, wait }: RetryOptions): Promise<void> {
  const limited = error instanceof XrpcError && (error.status === 429 || error.headers.has('retry-after'))
  const askedMs = limited ? askedToWaitMs(error.headers, Date.now()) : 0
  const ms = Math.max(backoffMs(attempt), Math.min(askedMs, MAX_ASKED_MS))
  return wait && signal ? wait(ms, signal) : sleep(ms, signal)
}

/** Waits. Rejects with the signal's reason when it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const timer = setTimeout(done, ms)
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

/** Repeats a task while its failure is one that {@link isRetryable} names, waiting longer each time. */
export const retrying =
  ({ retries = 5, ...options }: RetryOptions) =>
  async <T>(task: () => Promise<T>): Promise<T> => {
    for (let attempt = 0; ; attempt++)
      try {
        return await task()
      } catch (error) {
        if (attempt >= retries || !isRetryable(error)) throw error
        await pause(attempt, error, options)
      }
  }

/** The byte of the whole with which the body of an answer begins. */
export const startOf = ({ status, headers }: Download<'*/*'>): number =>
  status === 206 ? Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1]) : 0

interface Rest {
  body: ReadableStream<Uint8Array>
  /** The byte that it begins with. Bytes that were already received are skipped. */
  start: number
}

/** A body that asks for the rest when it breaks off. What a CID names never changes, so the pieces fit. */
export function resuming(
  first: Pick<Download<'*/*'>, 'body' | 'length'>,
  open: (from: number) => Promise<Rest>,
  { retries = 5, ...options }: RetryOptions,
): ReadableStream<Uint8Array> {
  let reader = first.body.getReader()
  let received = 0
  let skip = 0
  let failures = 0

  async function recover(error: unknown): Promise<void> {
    options.signal?.throwIfAborted()
    if (failures++ >= retries) throw error
    await pause(failures, error, options)
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
    // A server that does not support ranges begins again at the first byte.
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
