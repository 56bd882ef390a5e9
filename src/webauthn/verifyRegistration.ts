import { toBase64url } from '../crypto/base64url.ts'
import { readBytes, readingCbor, readMapSize, readText, skipItem } from './cborItems.ts'
import { parseAuthenticatorData } from './authenticatorData.ts'
import { type Backup, backupOf } from './backupOf.ts'
import { checkAuthenticatorData } from './checkAuthenticatorData.ts'
import { checkClientData, type Expected } from './clientData.ts'
import { importCoseKey } from './coseKey.ts'
import { bytesMember, readCredentialJson } from './credentialJson.ts'
import { WebauthnError } from './webauthnError.ts'

/** A credential, as it is kept. */
export interface Credential {
  /** Base64url. */
  id: string
  /** The COSE key. */
  key: Uint8Array
  counter: number
  /** Undefined for one that was registered before this was kept, until it signs in again. */
  backup: Backup | undefined
}

/** The authenticator data inside of an attestation object. A statement of attestation is read over: none is asked for. */
const readAttestation = (bytes: Uint8Array): Uint8Array<ArrayBuffer> =>
  readingCbor(bytes, (reader) => {
    let data: Uint8Array<ArrayBuffer> | undefined
    const names = new Set<string>()
    for (let left = readMapSize(reader); left > 0; left--) {
      const name = readText(reader)
      if (names.has(name)) reader.fail('DuplicateKey', 'a member is there twice')
      names.add(name)
      if (name === 'authData') data = readBytes(reader)
      else skipItem(reader)
    }
    if (reader.left > 0) reader.fail('TrailingBytes', 'bytes after the attestation object')
    if (!data || !names.has('fmt') || !names.has('attStmt'))
      return reader.fail('BadShape', 'the attestation object lacks a member')
    return data
  })

/**
 * Verifies the answer of `navigator.credentials.create`, and returns the new credential. Throws `WebauthnError`. Who made
 * the authenticator is not asked: a statement of attestation proves nothing here.
 */
export const verifyRegistration = async (answer: unknown, expected: Expected): Promise<Credential> => {
  const { id, response } = readCredentialJson(answer)
  checkClientData(bytesMember(response, 'clientDataJSON'), 'webauthn.create', expected)
  const data = parseAuthenticatorData(readAttestation(bytesMember(response, 'attestationObject')))
  await checkAuthenticatorData(data, expected.rpId)
  if (!data.credential) throw new WebauthnError('Malformed', 'the answer has no credential')
  if (toBase64url(data.credential.id) !== id)
    throw new WebauthnError('BadCredentialId', 'the authenticator names another id than the answer')
  await importCoseKey(data.credential.key)
  return { id, key: data.credential.key, counter: data.counter, backup: backupOf(data) }
}
