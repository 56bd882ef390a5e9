import { CodedError } from '../codedError.ts'

export type IdentityErrorCode =
  /** It is not a DID or handle that can be resolved here. */
  | 'BadInput'
  | 'NotFound'
  /** Slow or failing: the same request may succeed later. */
  | 'Unavailable'
  /** The document or record contains something that cannot be used. */
  | 'BadAnswer'

/** Why a DID or handle does not resolve. If `retryable`, the same request may succeed later. */
export class IdentityError extends CodedError<IdentityErrorCode> {
  override readonly name = 'IdentityError'
  readonly retryable: boolean

  constructor(code: IdentityErrorCode, message: string) {
    super(code, message)
    this.retryable = code === 'Unavailable'
  }
}
