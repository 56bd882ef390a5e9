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

/** Why a token is refused. The message never contains the token. */
export class TokenError extends CodedError<TokenErrorCode> {
  override readonly name = 'TokenError'
}

export type KeyErrorCode = 'BadSecret' | 'BadPublicKey' | 'NotACommit'

/** Why a key, a secret or a request to sign cannot be used. The message never contains a secret value. */
export class KeyError extends CodedError<KeyErrorCode> {
  override readonly name = 'KeyError'
}
