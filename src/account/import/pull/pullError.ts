import { CodedError } from '../../../codedError.ts'

/**
 * What follows. Retry: the same again, a little later. Restart: with the first byte. Token: with another token. Refused:
 * nothing, the pull has failed.
 */
export type PullErrorCode = 'Retry' | 'Restart' | 'Token' | 'Refused'

/** Why a pull does not go on. */
export class PullError extends CodedError<PullErrorCode> {
  override readonly name = 'PullError'
  /** What the owner sees as its name. */
  readonly error: string
  /** How long the source wants to be left alone. */
  readonly retryAfterMs: number

  constructor(code: PullErrorCode, error: string, message: string, retryAfterMs = 0) {
    super(code, message)
    this.error = error
    this.retryAfterMs = retryAfterMs
  }
}
