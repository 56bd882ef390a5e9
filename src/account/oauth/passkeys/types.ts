import type { Backup } from '../../../webauthn/backupOf.ts'

export interface Passkey {
  /** The credential's id, base64url. */
  id: string
  name: string
  /** Whether it is on one device or synced to others; undefined until one that is from before this was kept signs in. */
  backup: Backup | undefined
  createdAt: number
  lastUsedAt: number | undefined
}

/** Who changes something: the owner on a page, or the admin credential. */
export type PasskeyActor = 'owner' | 'admin'

/**
 * The owner's passkeys. Options and answers are the JSON forms of WebAuthn level 3. What is refused is a `PasskeyError`, or
 * a `WebauthnError` where the authenticator's answer is wrong.
 */
export interface Passkeys {
  /** The newest first. */
  list(): Passkey[]
  /** False if there is none with this id. */
  rename(id: string, name: string): boolean
  /**
   * Ends every browser's sign-in by a passkey but `exceptBrowser` (an id): it may have been by this one. False if there is
   * none with this id. The last one takes the password's switch with it: it is on again.
   */
  remove(id: string, by: PasskeyActor, exceptBrowser?: string): boolean
  /** A link that registers one passkey, within 10 minutes. */
  createLink(): { url: string; expiresAt: number }
  /** Ends the links that were not used, within the transaction that ends what is signed in. */
  endLinks(): void
  /** The options for `navigator.credentials.create`. `link` is what the link has as its fragment. */
  registrationOptions(link: string): object
  register(link: string, name: string, answer: unknown): Promise<Passkey>
  /**
   * The options for `navigator.credentials.get`: they name no passkey, and leave no trace. Undefined where no passkey can
   * sign in: there is none, or this server has only an address.
   */
  signInOptions(): object | undefined
  /** The passkey that signed in. An answer is taken once. */
  signIn(answer: unknown): Promise<Passkey>
  /** Whether the account password opens pages and sessions. createAccount asks for it in any case. */
  isPasswordEnabled(): boolean
  setPasswordEnabled(enabled: boolean, by: PasskeyActor): void
}
