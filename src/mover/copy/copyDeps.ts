import { XrpcError } from '../../client/index.ts'
import type { RetryOptions } from '../../client/retry.ts'
import { isRefusal } from '../refusal.ts'
import type { MoverDeps, TransferProgress } from '../types.ts'

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
