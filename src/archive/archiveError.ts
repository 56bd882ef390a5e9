import { CodedError } from '../codedError.ts'

export type ArchiveErrorCode =
  /** There is no such folder, or nothing in it says that it is an archive. */
  | 'NotAnArchive'
  /** A newer program wrote it. */
  | 'UnknownVersion'
  /** A file of it is missing, or is not what the program writes. */
  | 'BadFile'
  /** The passphrase does not open the keys. */
  | 'WrongPassphrase'
  /** It has no keys. */
  | 'NoSecrets'

/** Why a folder cannot be read as an archive. The message names the file, and never has a secret. */
export class ArchiveError extends CodedError<ArchiveErrorCode> {
  override readonly name = 'ArchiveError'
}
