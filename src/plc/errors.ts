import { CodedError } from '../codedError.ts'

export type PlcErrorCode =
  | 'InvalidOperation'
  | 'TooLarge'
  | 'InvalidLog'
  | 'NoRotationKey'
  | 'KeyNotCurrent'
  | 'Tombstoned'
  | 'TooManyKeys'
  | 'ChangeNotAllowed'
  | 'WrongEndpoint'

/** Why an operation or a log is refused, or an operation cannot be built. */
export class PlcError extends CodedError<PlcErrorCode> {
  override readonly name = 'PlcError'
  /** The field at fault, as a path: `services.atproto_pds.endpoint`. */
  readonly field: string | undefined

  constructor(code: PlcErrorCode, message: string, field?: string) {
    super(code, message)
    this.field = field
  }
}
