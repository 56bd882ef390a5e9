import { toBase64url } from '../crypto/base64url.ts'
import type { AuthenticatorData } from './authenticatorData.ts'
import { WebauthnError } from './webauthnError.ts'

/** What both ceremonies ask of an authenticator: the right RP ID, and a person who was there and was verified. */
export const checkAuthenticatorData = async (data: AuthenticatorData, rpId: string): Promise<void> => {
  const wanted = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(rpId)))
  if (toBase64url(data.rpIdHash) !== toBase64url(wanted))
    throw new WebauthnError('WrongRpId', `the passkey belongs to another host name than ${rpId}`)
  if (!data.isPresent)
    throw new WebauthnError('NotPresent', 'the authenticator does not say that somebody was there')
  if (!data.isVerified)
    throw new WebauthnError(
      'NotVerified',
      'the authenticator did not verify who was there: PIN, fingerprint or the like',
    )
  if (data.isBackedUp && !data.isBackupEligible)
    throw new WebauthnError('BadBackupFlags', 'the passkey is backed up, and says that it cannot be')
}
