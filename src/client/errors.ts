import type { StandardError } from '../standardErrors.ts'
import type { Answer } from './types.ts'

/**
 * Why a call failed. `error` is the name that the server gave; `NetworkError` when there was no answer
 * (then `status` is 0), `Unexpected` when the answer was not XRPC.
 */
export class XrpcError extends Error {
  readonly error: string
  readonly status: number
  readonly headers: Headers
  /** Whether `error` is a name that the method's lexicon or the protocol declares. */
  readonly declared: boolean

  constructor(
    error: string,
    message: string,
    { status = 0, headers = new Headers(), declared = true, cause }: ErrorDetails = {},
  ) {
    super(message, { cause })
    this.name = 'XrpcError'
    this.error = error
    this.status = status
    this.headers = headers
    this.declared = declared
  }
}

export interface ErrorDetails {
  status?: number
  headers?: Headers
  declared?: boolean
  cause?: unknown
}

/** The client's own names for failures that are not the method's answer: see {@link XrpcError}. */
export type LocalError = 'Unexpected' | 'NetworkError'

/**
 * How a call ended. `error` is a closed union: the declared names, the standard ones, and two of the client's own.
 */
export type Settled<T, Errors extends string> =
  | { ok: true; data: T }
  | {
      ok: false
      error: Errors | StandardError | LocalError
      message: string
      status: number
      cause: XrpcError
    }

/**
 * Turns the failure of a call into a value whose `error` is a closed union. A name that the method does not
 * declare becomes `Unexpected`. What is not a failure of the call (an abort, a bug) is still thrown.
 */
export async function settle<T, Errors extends string = never>(
  answer: Answer<T, Errors>,
): Promise<Settled<T, Errors>> {
  try {
    return { ok: true, data: await answer }
  } catch (cause) {
    if (!(cause instanceof XrpcError)) throw cause
    const { error, message, status } = cause
    if (!cause.declared)
      return { ok: false, error: 'Unexpected', message: `${error}: ${message}`, status, cause }
    // `declared` was set from the list that Errors is made of.
    return { ok: false, error: error as Errors, message, status, cause }
  }
}
