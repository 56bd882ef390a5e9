import { CodedError } from '../codedError.ts'

export type WebauthnErrorCode =
  | 'Malformed'
  | 'WrongType'
  | 'WrongChallenge'
  | 'WrongOrigin'
  | 'CrossOrigin'
  | 'WrongRpId'
  | 'NotPresent'
  | 'NotVerified'
  | 'BadBackupFlags'
  | 'BadCredentialId'
  | 'UnsupportedKey'
  | 'WrongUser'
  | 'BadSignature'
  | 'CounterBehind'

/** Why an authenticator's answer is refused. */
export class WebauthnError extends CodedError<WebauthnErrorCode> {
  override readonly name = 'WebauthnError'
}
