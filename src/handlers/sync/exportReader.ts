import type { Account } from '../../account/account.ts'
import type { OnRecords } from '../../account/repo/exports/exports.ts'
import type { ExportReader } from '../../account/repo/exports/exportPlaces.ts'

/** The caller as the reader of an export: strangers have fewer places than migration tokens, and those than the owner. */
export const exportReader = (auth: { grants: string }, network: string | undefined): ExportReader => ({
  isAnonymous: auth.grants === 'anyone',
  isOwner: auth.grants === 'session' || auth.grants === 'admin',
  network,
})

/** Where the export of a mover with a migration token notes how far it is. */
export const noteRecordsOf = (account: Account, auth: { kind: string }): OnRecords | undefined =>
  auth.kind === 'token' ? account.copies.noteRecords : undefined
