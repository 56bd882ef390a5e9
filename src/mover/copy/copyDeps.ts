import { XrpcError } from '../../client/index.ts'
import { askedToWaitMs, backoffMs, type RetryOptions } from '../../client/retry.ts'
import { isRefusal } from '../refusal.ts'
import type { TransferProgress } from '../moveEvent.ts'
import type { MoverDeps } from '../moverDeps.ts'

/** What copying takes from its surroundings. */
export interface CopyDeps extends Pick<MoverDeps, 'fetch' | 'now' | 'signal' | 'wait'> {
  /** Called as something arrives. */
  readonly progress?: ((progress: TransferProgress) => void) | undefined
}

/** How calls are repeated. */
export const retryOptions = ({ wait, signal }: CopyDeps, retries = 5): RetryOptions => ({
  retries,
  signal,
  wait,
})

/** Whether a server will not do it, or has no such method. */
export const declines = (cause: unknown): boolean =>
  isRefusal(cause) || (cause instanceof XrpcError && cause.status === 501)

/** A server that asks for a longer wait is left alone: the move goes on in a later run. */
export const MAX_WAIT_MS = 15 * 60_000

/** How long to wait before the next attempt: as long as the server asked for, and else longer each time. */
export const pauseMs = (cause: unknown, attempt: number, nowMs: number): number => {
  const asked = cause instanceof XrpcError ? askedToWaitMs(cause.headers, nowMs) : 0
  return Math.max(backoffMs(attempt), Math.min(asked, MAX_WAIT_MS))
}
