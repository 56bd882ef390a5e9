import { KeyError } from '../../crypto/errors.ts'
import { type Curve, CURVES, recoveryKeyMultibase } from '../../crypto/recoveryKey.ts'
import { Secret } from '../../crypto/secret.ts'
import type { RotationKey } from '../../signing/keys.ts'
import { loadRecoveryKey } from '../../signing/recoveryKey.ts'
import { CliError } from '../errors.ts'
import { writeSecret } from './files.ts'
import { readJsonObject } from './readJsonObject.ts'

/** The recovery key, in a file of its own: with it the owner can undo what every other key did. */
export interface RecoveryKeyFile {
  /** did:key. */
  did: string
  curve: Curve
  /** In hex. */
  privateKey: Secret
}

const NOTE =
  'The recovery key of a DID: within 72 hours it can undo what any other key did. Keep it apart from everything else, and delete it here.'

/** The file of the recovery key; undefined if there is none. */
export async function readRecoveryKeyFile(file: string): Promise<RecoveryKeyFile | undefined> {
  const found = await readJsonObject(file, 'pds recovery-key create')
  if (!found) return undefined
  const { did, privateKey, type = 'k256' } = found
  const curve = CURVES.find((each) => each === type)
  if (typeof did !== 'string' || typeof privateKey !== 'string' || !curve)
    throw new CliError('bad-config', `${file} lacks did, type or privateKey: it is not a recovery key`)
  return { did, curve, privateKey: new Secret(privateKey) }
}

export const writeRecoveryKeyFile = (
  file: string,
  { did, curve, privateKey }: RecoveryKeyFile,
): Promise<void> => {
  // Hex for programs, and what goat takes: see docs/keys.md.
  const privateKeyMultibase = recoveryKeyMultibase(privateKey, curve).reveal()
  const content = { what: NOTE, type: curve, did, privateKey: privateKey.reveal(), privateKeyMultibase }
  return writeSecret(file, `${JSON.stringify(content, null, 2)}\n`)
}

/** The recovery key of a file, ready to sign. */
export async function openRecoveryKeyFile(file: string): Promise<RotationKey> {
  const found = await readRecoveryKeyFile(file)
  if (!found) throw new CliError('bad-config', `there is no file ${file}`)
  try {
    const key = await loadRecoveryKey(found.privateKey, found.curve)
    if (key.did === found.did) return key
    throw new CliError('bad-config', `${file} names ${found.did}, and its private key is that of ${key.did}`)
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause
    throw new CliError('bad-config', `${file}: ${cause.message}`, { cause })
  }
}
