import { createHash } from 'node:crypto'
import { CHALLENGE_LIFETIME_MS } from '../../../signing/challenges.ts'
import { ALGORITHMS } from '../../../webauthn/coseKey.ts'
import type { Passkey } from './types.ts'
import type { RelyingParty } from './relyingParty.ts'

/** What an authenticator keeps beside a passkey, and gives back: the account, by a hash of its DID. */
export const userHandleOf = (did: string): string => createHash('sha256').update(did).digest('base64url')

/** A passkey that the authenticator itself finds, for a person that it verifies. No attestation: it would prove nothing here. */
export const creationOptions = (options: {
  party: RelyingParty
  did: string
  handle: string
  challenge: string
  /** Those that there are: an authenticator has one for each account. */
  passkeys: readonly Passkey[]
}): object => ({
  rp: { id: options.party.id, name: options.party.id },
  user: { id: userHandleOf(options.did), name: options.handle, displayName: options.handle },
  challenge: options.challenge,
  pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
  timeout: CHALLENGE_LIFETIME_MS,
  excludeCredentials: options.passkeys.map(({ id }) => ({ type: 'public-key', id })),
  authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
  attestation: 'none',
})

/** No passkey is named: a stranger who opens the page learns nothing of those that there are. */
export const requestOptions = (party: RelyingParty, challenge: string): object => ({
  challenge,
  rpId: party.id,
  timeout: CHALLENGE_LIFETIME_MS,
  allowCredentials: [],
  userVerification: 'required',
})
