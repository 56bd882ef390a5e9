import type { Platform } from '../../../platform.ts'
import type { Challenges } from '../../../signing/challenges.ts'
import { readCredentialJson } from '../../../webauthn/credentialJson.ts'
import { verifyAssertion } from '../../../webauthn/verifyAssertion.ts'
import { WebauthnError } from '../../../webauthn/webauthnError.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import type { Passkey } from './types.ts'
import { userHandleOf } from './ceremonyOptions.ts'
import { PasskeyError } from './passkeyError.ts'
import { noteUse, readPasskey } from './passkeyRows.ts'
import type { RelyingParty } from './relyingParty.ts'

export interface SignInWithPasskeyDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  journal: Journal
  did: string
  challenges: Challenges
  party: RelyingParty
}

/** What the challenges of a sign-in are for. */
export const SIGN_IN = 'sign-in'

/**
 * Verifies an assertion by one of the account's passkeys, and journals it. It is taken once: the challenge must be newer
 * than the latest use of that passkey, which the answer itself becomes. So an answer that was overheard is worth nothing
 * after it was used, also when the object has started again, and nothing is kept of challenges.
 */
export const signInWithPasskey = async (deps: SignInWithPasskeyDeps, answer: unknown): Promise<Passkey> => {
  const { sql, platform, journal, did, challenges, party } = deps
  const { id } = readCredentialJson(answer)
  const known = readPasskey(sql, id)
  if (!known) throw new PasskeyError('PasskeyNotFound', 'this passkey is not registered here, or was removed')
  const { passkey, credential } = known
  const isOurs = (challenge: string, { lastUsedAt = 0 }: Passkey): boolean => {
    const issuedAt = challenges.issuedAt(challenge, SIGN_IN, platform.now())
    if (issuedAt !== undefined && issuedAt <= lastUsedAt)
      throw new PasskeyError(
        'AnsweredAlready',
        'the passkey was used since this page asked for it: try again',
      )
    return issuedAt !== undefined
  }
  const assertion = await verifyAssertion(answer, {
    origin: party.origin,
    rpId: party.id,
    credential,
    userHandle: userHandleOf(did),
    isChallenge: (challenge) => isOurs(challenge, passkey),
  }).catch((cause: unknown) => {
    // Only one who has the key gets as far as its counter: the owner has to know.
    if (cause instanceof WebauthnError && cause.code === 'CounterBehind')
      sql.transaction(() => journal.append('copied-passkey', { id, name: passkey.name }))
    throw cause
  })
  return sql.transaction(() => {
    // Verifying takes time, in which the same answer may have been taken, or the passkey removed.
    const now = platform.now()
    const latest = readPasskey(sql, id)?.passkey
    if (!latest) throw new PasskeyError('PasskeyNotFound', 'this passkey was removed')
    isOurs(assertion.challenge, latest)
    noteUse(sql, id, assertion, now)
    journal.append('use-passkey', { id, name: latest.name })
    return { ...latest, backup: assertion.backup, lastUsedAt: now }
  })
}
