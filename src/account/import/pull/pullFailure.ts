import { XrpcError } from '../../../xrpc/errors.ts'
import { PullError } from './pullError.ts'
import type { PullState } from './pullState.ts'

/** Failures in a row, after which it has failed for good. */
const MAX_FAILURES = 6
const FIRST_WAIT_MS = 2000

/** What a failure makes of a pull. */
export interface PullFailure {
  changes: Partial<PullState>
  /** After so many milliseconds it tries again; undefined: it does not. */
  retryInMs: number | undefined
}

/** The failure as one of a pull; `report` gets what is a mistake here. */
const asPullError = (cause: unknown, report: (cause: unknown) => void): PullError => {
  if (cause instanceof PullError) return cause
  if (cause instanceof XrpcError) return new PullError('Refused', cause.error, cause.message)
  report(cause)
  return new PullError('Retry', 'InternalServerError', 'this server made a mistake')
}

export const pullFailure = (
  { state, failures, needsToken, mayResume: before, root }: PullState,
  cause: unknown,
  report: (cause: unknown) => void,
): PullFailure => {
  const { code, error, message, retryAfterMs } = asPullError(cause, report)
  const isLast = code === 'Refused' || (code !== 'Token' && failures + 1 >= MAX_FAILURES)
  const mayResume = before && code !== 'Refused' && code !== 'Restart'
  const next = code === 'Restart' ? 'receiving' : state
  return {
    changes: {
      state: isLast ? 'failed' : next,
      failures: failures + 1,
      needsToken: needsToken || code === 'Token',
      mayResume,
      root: mayResume ? root : undefined,
      detail: { error, message },
    },
    retryInMs: isLast || code === 'Token' ? undefined : Math.max(retryAfterMs, FIRST_WAIT_MS * 2 ** failures),
  }
}
