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
export class TokenError extends Error {
  readonly code: TokenErrorCode

  constructor(code: TokenErrorCode, message: string) {
    super(message)
    this.name = 'TokenError'
    this.code = code
  }
}

/** A key, secret or signing request that cannot be used. The message never holds the value. */
export class KeyError extends Error {
  readonly code: 'BadSecret' | 'BadPublicKey' | 'NotACommit' | 'NotAnOperation'

  constructor(code: KeyError['code'], message: string) {
    super(message)
    this.name = 'KeyError'
    this.code = code
  }
}
