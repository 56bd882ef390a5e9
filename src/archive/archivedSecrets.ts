import { createHash } from 'node:crypto'
import { Secret } from '../crypto/secret.ts'
import { isObject } from '../isObject.ts'
import { ArchiveError } from './archiveError.ts'

/** The owner's key file out of an archive. */
export interface ArchivedSecrets {
  /** The key file as `pds init` wrote it: JSON. */
  readonly keyFile: Secret
  /** In hex. */
  readonly signingKey: Secret
  /** In hex: the signing key, unless there is another. */
  readonly rotationKey: Secret
}

/** Of the encrypted file; a key file has a few kilobytes. */
const MAX_BYTES = 1024 * 1024

/** Encrypts the key file with a passphrase, in the format of age: `age -d` decrypts it as well. */
export const encryptSecrets = async (keyFile: Secret, passphrase: Secret): Promise<Uint8Array> => {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase.reveal())
  return await encrypter.encrypt(keyFile.reveal())
}

/**
 * Tells whether a key file is the one that was encrypted. It holds 256 bits of chance, so nobody can find it by its
 * hash.
 */
export const fingerprintOf = (keyFile: Secret): string =>
  createHash('sha256').update(keyFile.reveal()).digest('hex')

const parse = (text: string, file: string): ArchivedSecrets => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The error below is thrown instead of this one, which would quote the content.
  }
  const secrets = isObject(value) && isObject(value['secrets']) ? value['secrets'] : {}
  const { SIGNING_KEY: signing, ROTATION_KEY: rotation } = secrets
  if (typeof signing !== 'string')
    throw new ArchiveError('BadFile', `${file} opens, and is not the key file of \`pds init\``)
  return {
    keyFile: new Secret(text),
    signingKey: new Secret(signing),
    rotationKey: new Secret(typeof rotation === 'string' && rotation !== '' ? rotation : signing),
  }
}

/** Decrypts the key file. `file` names it in errors. */
export const decryptSecrets = async (
  bytes: Uint8Array,
  passphrase: Secret,
  file: string,
): Promise<ArchivedSecrets> => {
  if (bytes.length > MAX_BYTES) throw new ArchiveError('BadFile', `${file} is too large for a key file`)
  if (!isEncrypted(bytes)) throw new ArchiveError('BadFile', `${file} is not a file of age`)
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  decrypter.addPassphrase(passphrase.reveal())
  let text: string
  try {
    text = await decrypter.decrypt(bytes, 'text')
  } catch {
    // The library does not tell a wrong passphrase from damage; a damaged file has another hash than its index says.
    throw new ArchiveError('WrongPassphrase', `the passphrase does not open ${file}`)
  }
  return parse(text, file)
}

const MAGIC = 'age-encryption.org/v1\n'

/** Whether a file begins as those of age do. */
export const isEncrypted = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.subarray(0, MAGIC.length)).toString('latin1') === MAGIC
