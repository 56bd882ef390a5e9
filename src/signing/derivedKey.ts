import { createHmac } from 'node:crypto'
import { KeyError } from '../crypto/errors.ts'
import type { Secret } from '../crypto/secret.ts'

const MIN_SECRET_BYTES = 32

/** What SESSION_SECRET is used for: a key for each, so that what one signs is worth nothing to the other. */
export type KeyPurpose = 'session' | 'grant' | 'grant-refresh' | 'passkey-challenge'

/**
 * A key for one purpose, from SESSION_SECRET, which is used for nothing else. It includes the password's hash, so that a
 * new password ends everything that was signed with it.
 */
export const derivedKey = (secret: Secret, passwordHash: Secret, purpose: KeyPurpose): Uint8Array => {
  const key = new TextEncoder().encode(secret.reveal())
  if (key.byteLength < MIN_SECRET_BYTES)
    throw new KeyError('BadSecret', `SESSION_SECRET must have at least ${MIN_SECRET_BYTES} characters`)
  return createHmac('sha256', key).update(`${purpose}:${passwordHash.reveal().trim()}`).digest()
}
