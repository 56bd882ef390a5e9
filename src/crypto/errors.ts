import { CodedError } from '../codedError.ts'

export type TokenErrorCode =
  | 'Malformed'
  | 'WrongType'
  | 'WrongAlg'
  | 'BadSignature'
  | 'Expired'
  | 'TooLong'
  | 'FromFuture'
  | 'Revoked'
  | 'WrongIssuer'
  | 'WrongAudience'
  | 'WrongMethod'
  | 'BadClaims'

/** A token that is not accepted, and why. The message never holds the token. */
export class TokenError extends CodedError<TokenErrorCode> {
  override readonly name = 'TokenError'
}

export type KeyErrorCode = 'BadSecret' | 'BadPublicKey' | 'NotACommit'

/** A key, secret or signing request that cannot be used. The message never holds the value. */
export class KeyError extends CodedError<KeyErrorCode> {
  override readonly name = 'KeyError'
}
