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
export class CarError extends Error {
  override readonly name = 'CarError'
  readonly code: CarErrorCode

  constructor(code: CarErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
