import { CodedError } from '../codedError.ts'

export type IdentityErrorCode =
  /** Not a DID or handle that can be resolved here. */
  | 'BadInput'
  | 'NotFound'
  /** Slow or failing: the same request may succeed later. */
  | 'Unavailable'
  /** The document or record says something that cannot be used. */
  | 'BadAnswer'

export class IdentityError extends CodedError<IdentityErrorCode> {
  override readonly name = 'IdentityError'
  readonly retryable: boolean

  constructor(code: IdentityErrorCode, message: string) {
    super(code, message)
    this.retryable = code === 'Unavailable'
  }
}
