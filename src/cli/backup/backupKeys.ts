import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encryptSecrets, fingerprintOf } from '../../archive/archivedSecrets.ts'
import { type ArchiveIndex, STATE_FILES } from '../../archive/archiveIndex.ts'
import { sha256File } from '../../archive/sha256File.ts'
import { Secret } from '../../crypto/secret.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { readText, writeAtomically } from '../files/files.ts'
import { keyFileOf } from '../init/keyFiles.ts'
import type { BackupFolder } from './openFolder.ts'

export const PASSPHRASE_VAR = 'PDS_BACKUP_PASSPHRASE'
const MIN_PASSPHRASE_CHARS = 12

/** What became of the keys. */
export interface BackedUpKeys {
  /** For the index. */
  keys: ArchiveIndex['keys']
  /** The key file that was encrypted; undefined if there is none, or it was left out. */
  file: string | undefined
}

const tooShort = (passphrase: string): string | undefined =>
  passphrase.length < MIN_PASSPHRASE_CHARS
    ? `It has ${passphrase.length} characters, and at least ${MIN_PASSPHRASE_CHARS} are needed: a few random words are good.`
    : undefined

/** A new passphrase: of the environment, or typed twice. */
const newPassphrase = async ({ io, prompts }: Context): Promise<Secret> => {
  const given = io.env[PASSPHRASE_VAR]
  if (given) {
    const wrong = tooShort(given)
    if (wrong) throw new CliError('usage', `${PASSPHRASE_VAR}: ${wrong}`, { next: 'choose a longer one' })
    return new Secret(given)
  }
  if (!io.stdin.isTTY)
    throw new CliError(
      'not-a-terminal',
      'the keys are encrypted with a passphrase, and there is no terminal to ask',
      {
        next: `give it as ${PASSPHRASE_VAR}, or leave the keys out with --without-keys`,
      },
    )
  const first = await prompts.secret(
    'Passphrase for the keys in the backup (write it down: nobody can reset it)',
    {
      check: tooShort,
    },
  )
  await prompts.secret('The same again', {
    check: (second) => (second === first ? undefined : 'That is another one.'),
  })
  return new Secret(first)
}

/** The passphrase of an archive, to open its keys. */
export const knownPassphrase = async ({ io, prompts }: Context, message: string): Promise<Secret> => {
  const given = io.env[PASSPHRASE_VAR]
  return new Secret(given || (await prompts.secret(message, { alternative: PASSPHRASE_VAR })))
}

/**
 * Encrypts the owner's key file into the state, if it is where `pds init` writes it and holds this signing key. If the
 * earlier archive has the same keys, they are taken over with their passphrase, unless another is asked for.
 */
export async function backupKeys(
  context: Context,
  { state, earlier }: BackupFolder,
  account: { did: string; handle: string; signingKey: string },
  { renew }: { renew: boolean },
): Promise<BackedUpKeys> {
  const none = { keys: undefined, file: undefined }
  if (!context.project) return none
  const found = await keyFileOf(context.project.root, account)
  if (found?.keys.signingKey !== account.signingKey) return none
  const text = await readText(found.file)
  if (text === undefined) return none
  const keyFile = new Secret(text)
  const keys = { signingKey: account.signingKey, fingerprint: fingerprintOf(keyFile) }
  const target = join(state, STATE_FILES.keys)
  const same =
    !renew && !context.io.env[PASSPHRASE_VAR] && earlier?.index?.keys?.fingerprint === keys.fingerprint
      ? earlier
      : undefined
  if (same && (await isIntact(same))) await copyFile(same.file('keys'), target)
  else {
    const passphrase = await newPassphrase(context)
    await writeAtomically(target, await encryptSecrets(keyFile, passphrase), 0o600)
  }
  return { keys, file: found.file }
}

const isIntact = async ({ index, file }: NonNullable<BackupFolder['earlier']>): Promise<boolean> => {
  const listed = index?.files.find(({ path }) => path === `${index.state}/${STATE_FILES.keys}`)
  return listed !== undefined && (await sha256File(file('keys')))?.sha256 === listed.sha256
}
