import type { CborReader } from '../repo/cborReader.ts'
import { readingCbor, readMapSize, readText, skipItem } from './cborItems.ts'
import { skipCoseKey } from './coseKey.ts'
import { WebauthnError } from './webauthnError.ts'

/** What an authenticator says (WebAuthn, section 6.1). */
export interface AuthenticatorData {
  /** SHA-256 of the RP ID. */
  rpIdHash: Uint8Array
  /** Somebody was there. */
  isPresent: boolean
  /** It was made sure who: by PIN, fingerprint or the like. */
  isVerified: boolean
  isBackupEligible: boolean
  isBackedUp: boolean
  counter: number
  /** At a registration: the new credential. */
  credential: { id: Uint8Array; key: Uint8Array<ArrayBuffer> } | undefined
}

const FLAG = {
  present: 0x01,
  verified: 0x04,
  eligible: 0x08,
  backedUp: 0x10,
  credential: 0x40,
  extensions: 0x80,
}
const FIXED_BYTES = 37
const AAGUID_BYTES = 16
/** The longest that the specification allows, and the shortest. */
const MAX_ID_BYTES = 1023
const MIN_ID_BYTES = 16

const readCredential = (bytes: Uint8Array, start: number) => {
  const lengthAt = start + AAGUID_BYTES
  const idAt = lengthAt + 2
  if (bytes.length < idAt)
    throw new WebauthnError('Malformed', 'the authenticator data ends inside the credential')
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint16(lengthAt)
  if (length < MIN_ID_BYTES || length > MAX_ID_BYTES)
    throw new WebauthnError(
      'BadCredentialId',
      `the credential's id has ${length} bytes, expected ${MIN_ID_BYTES} to ${MAX_ID_BYTES}`,
    )
  const keyAt = idAt + length
  const rest = bytes.subarray(keyAt)
  const keyBytes = readingCbor(rest, (reader) => {
    skipCoseKey(reader)
    return reader.offset
  })
  const end = keyAt + keyBytes
  return { credential: { id: bytes.slice(idAt, keyAt), key: bytes.slice(keyAt, end) }, end }
}

/** Reads over a map from names of extensions to anything: none was asked for. */
const skipExtensions = (reader: CborReader): void => {
  for (let left = readMapSize(reader); left > 0; left--) {
    readText(reader)
    skipItem(reader)
  }
}

/** Reads authenticator data wholly: extensions are read over, and nothing may follow them. */
export const parseAuthenticatorData = (bytes: Uint8Array<ArrayBuffer>): AuthenticatorData => {
  if (bytes.length < FIXED_BYTES)
    throw new WebauthnError(
      'Malformed',
      `the authenticator data has ${bytes.length} bytes, expected ${FIXED_BYTES} or more`,
    )
  const flags = bytes[32] ?? 0
  const has = (flag: keyof typeof FLAG): boolean => (flags & FLAG[flag]) !== 0
  const { credential, end } = has('credential')
    ? readCredential(bytes, FIXED_BYTES)
    : { credential: undefined, end: FIXED_BYTES }
  const left = readingCbor(bytes.subarray(end), (reader) => {
    if (has('extensions')) skipExtensions(reader)
    return reader.left
  })
  if (left > 0) throw new WebauthnError('Malformed', `${left} bytes after the authenticator data`)
  return {
    rpIdHash: bytes.slice(0, 32),
    isPresent: has('present'),
    isVerified: has('verified'),
    isBackupEligible: has('eligible'),
    isBackedUp: has('backedUp'),
    counter: new DataView(bytes.buffer, bytes.byteOffset).getUint32(33),
    credential,
  }
}
