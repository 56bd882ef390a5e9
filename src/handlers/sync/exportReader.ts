import type { ExportReader } from '../../account/repo/exports/exportPins.ts'

/** The caller as the reader of an export: strangers have fewer places than those who have shown a credential. */
export const exportReader = (auth: { grants: string }, network: string | undefined): ExportReader => ({
  isAnonymous: auth.grants === 'anyone',
  network,
})
