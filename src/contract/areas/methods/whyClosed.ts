import type { Run } from '../../types.ts'

/** Why a method is open to no one in this run, and what would open it. */
export const whyClosed = (
  { credentials, adminPassword }: Pick<Run, 'credentials' | 'adminPassword'>,
  id: string,
): string => {
  if (id.startsWith('com.cirrus.') && adminPassword === undefined)
    return 'only the admin may call it: ADMIN_PASSWORD in the environment is the password'
  return credentials === undefined
    ? 'only who has signed in may call it: --identifier gives an account'
    : 'no credential of this run opens the method'
}
