import { CodedError } from '../../codedError.ts'

/** Why a CAR was refused. */
export type CarErrorCode =
  | 'TruncatedCar'
  | 'BadHeader'
  | 'SectionTooLarge'
  | 'BadCid'
  | 'HashMismatch'
  | 'TooManyBlocks'
  | 'TooLarge'
  | 'BadVarint'

/** A CAR that is cut, damaged, or larger than allowed. */
export class CarError extends CodedError<CarErrorCode> {
  override readonly name = 'CarError'
}
