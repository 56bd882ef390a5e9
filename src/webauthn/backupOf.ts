import type { AuthenticatorData } from './authenticatorData.ts'

/**
 * Where a passkey may be: on the device that made it alone, on others too if the owner has it synced, or on others already
 * (WebAuthn, section 6.1.3: the flags BE and BS). The first never becomes one of the others.
 */
export type Backup = 'device' | 'eligible' | 'synced'

export const backupOf = ({
  isBackupEligible,
  isBackedUp,
}: Pick<AuthenticatorData, 'isBackupEligible' | 'isBackedUp'>): Backup => {
  if (!isBackupEligible) return 'device'
  return isBackedUp ? 'synced' : 'eligible'
}
