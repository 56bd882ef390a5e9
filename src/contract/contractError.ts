import { CodedError } from '../codedError.ts'

/** A run that cannot begin. What a server gets wrong is a finding, and not an error. */
export class ContractError extends CodedError<
  'server-silent' | 'not-a-pds' | 'sign-in-refused' | 'account-has-records' | 'no-throw-away'
> {
  override readonly name = 'ContractError'
}
