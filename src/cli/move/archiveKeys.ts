import { resolve } from 'node:path'
import type { Archive } from '../../archive/openArchive.ts'
import { KeyError } from '../../crypto/errors.ts'
import { Secret } from '../../crypto/secret.ts'
import type { ArchiveKeys } from '../../mover/peers/archiveSource.ts'
import { loadRotationKey, loadSigningKey } from '../../signing/keys.ts'
import { knownPassphrase, PASSPHRASE_VAR } from '../backup/backupKeys.ts'
import { orArchiveError } from '../backup/openBackup.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { openRecoveryKeyFile } from '../files/recoveryKeyFile.ts'

/** The secrets in the environment, which come before those in the backup. */
const environmentKeys = ({ io }: Context): { signing: Secret; rotation: Secret } | undefined => {
  const { SIGNING_KEY: signing, ROTATION_KEY: rotation } = io.env
  return signing ? { signing: new Secret(signing), rotation: new Secret(rotation || signing) } : undefined
}

const archivedKeys = async (context: Context, archive: Archive) => {
  if (!archive.hasSecrets || !(context.io.stdin.isTTY || context.io.env[PASSPHRASE_VAR])) return undefined
  const passphrase = await knownPassphrase(context, 'Passphrase of the keys in the backup')
  const { signingKey, rotationKey } = await orArchiveError(archive.secrets(passphrase))
  return { signing: signingKey, rotation: rotationKey }
}

/** What the owner of a backup can sign with: keys in the environment or in the backup, and the recovery key. */
export async function archiveKeys(
  context: Context,
  archive: Archive,
  recoveryKeyFile: string | undefined,
): Promise<ArchiveKeys> {
  try {
    const recovery =
      recoveryKeyFile === undefined
        ? []
        : [await openRecoveryKeyFile(resolve(context.io.cwd, recoveryKeyFile))]
    const found = environmentKeys(context) ?? (await archivedKeys(context, archive))
    if (!found) return { signing: [], rotation: recovery, serverKeys: [] }
    const own = await loadRotationKey(found.rotation)
    return {
      signing: [await loadSigningKey(found.signing)],
      rotation: [...recovery, own],
      serverKeys: [own.did],
    }
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause
    throw new CliError('bad-config', cause.message, { cause })
  }
}
