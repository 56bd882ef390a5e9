import { joinBytes } from '../streams/joinBytes.ts'
import { parseAuthenticatorData } from './authenticatorData.ts'
import { type Backup, backupOf } from './backupOf.ts'
import { checkAuthenticatorData } from './checkAuthenticatorData.ts'
import { checkClientData, type Expected } from './clientData.ts'
import { importCoseKey } from './coseKey.ts'
import { bytesMember, readCredentialJson } from './credentialJson.ts'
import type { Credential } from './verifyRegistration.ts'
import { WebauthnError } from './webauthnError.ts'

export interface ExpectedAssertion extends Expected {
  /** The credential that the answer names, as it is kept. */
  credential: Credential
  /** The user's handle, base64url: an answer that names a user must name this one. */
  userHandle: string
}

/** What a verified assertion says. */
export interface Assertion {
  /** The challenge that was signed. */
  challenge: string
  /** The authenticator's counter now. */
  counter: number
  backup: Backup
}

/** A counter goes up with each use. One that did not may be that of a copy; an authenticator that does not count says 0. */
const checkCounter = (counter: number, before: number): void => {
  if (counter > before || (counter === 0 && before === 0)) return
  throw new WebauthnError(
    'CounterBehind',
    `the authenticator's counter is ${counter}, and was ${before} before: there may be a copy of the passkey`,
  )
}

/** Whether it can be backed up is settled when a passkey is made (WebAuthn, section 7.2): another answer is of another one. */
const checkBackup = (backup: Backup, before: Backup | undefined): void => {
  if (before === undefined || (backup === 'device') === (before === 'device')) return
  throw new WebauthnError(
    'BadBackupFlags',
    `the passkey says that it can${backup === 'device' ? 'not' : ''} be backed up, and said the opposite before`,
  )
}

/** Verifies the answer of `navigator.credentials.get` by a credential that is known. Throws `WebauthnError`. */
export const verifyAssertion = async (answer: unknown, expected: ExpectedAssertion): Promise<Assertion> => {
  const { credential, rpId, userHandle } = expected
  const { id, response } = readCredentialJson(answer)
  if (id !== credential.id) throw new WebauthnError('BadCredentialId', 'the answer names another credential')
  if (response.userHandle != null && response.userHandle !== '' && response.userHandle !== userHandle)
    throw new WebauthnError('WrongUser', 'the passkey belongs to another account')
  const clientData = bytesMember(response, 'clientDataJSON')
  const challenge = checkClientData(clientData, 'webauthn.get', expected)
  const authenticatorData = bytesMember(response, 'authenticatorData')
  const data = parseAuthenticatorData(authenticatorData)
  await checkAuthenticatorData(data, rpId)
  const signed = joinBytes([
    authenticatorData,
    new Uint8Array(await crypto.subtle.digest('SHA-256', clientData)),
  ])
  const key = await importCoseKey(credential.key)
  if (!(await key.verify(bytesMember(response, 'signature'), signed)))
    throw new WebauthnError('BadSignature', 'the signature does not verify')
  const backup = backupOf(data)
  checkBackup(backup, credential.backup)
  checkCounter(data.counter, credential.counter)
  return { challenge, counter: data.counter, backup }
}
