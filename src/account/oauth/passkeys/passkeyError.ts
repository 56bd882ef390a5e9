import { CodedError } from '../../../codedError.ts'

export type PasskeyErrorCode =
  | 'LinkNotFound'
  | 'NoHostName'
  | 'TooManyPasskeys'
  | 'AlreadyRegistered'
  | 'PasskeyNotFound'
  | 'BadName'
  | 'NoPasskey'
  | 'AnsweredAlready'

/** Why something about passkeys is refused. The message is for the owner, and never has a link's secret. */
export class PasskeyError extends CodedError<PasskeyErrorCode> {
  override readonly name = 'PasskeyError'
}
