import type { ExportReader } from '../../account/repo/exports/exportPlaces.ts'

/** The caller as the reader of an export: strangers have fewer places than migration tokens, and those than the owner. */
export const exportReader = (auth: { grants: string }, network: string | undefined): ExportReader => ({
  isAnonymous: auth.grants === 'anyone',
  isOwner: auth.grants === 'session' || auth.grants === 'admin',
  network,
})
