import type { IdentityWatch } from '../../identity/identityWatch.ts'

export interface IsOwnerDeps {
  did: string
  /** The account's handle now. */
  handle(): string
  email: string | undefined
  identityWatch: Pick<IdentityWatch, 'last'>
}

/** People also type `@Alice.Example` or `at://alice.example`. */
const normalize = (identifier: string): string =>
  identifier
    .trim()
    .replace(/^(at:\/\/|@)/, '')
    .toLowerCase()

/**
 * Whether an identifier is the owner's: the DID, the configured e-mail address, or a handle: the account's own, which
 * migration tools still use after a PLC operation has changed it in the DID, or the one that the latest observation of the
 * DID names.
 */
export const isOwner = ({ did, handle, email, identityWatch }: IsOwnerDeps, identifier: string): boolean =>
  [did, handle(), identityWatch.last?.handle, email].some(
    (name) => name !== undefined && name.toLowerCase() === normalize(identifier),
  )
