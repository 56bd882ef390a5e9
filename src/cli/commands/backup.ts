import { backup } from '../backup/backup.ts'
import { pullBackup } from '../backup/bucket/pullBackup.ts'
import { verify } from '../backup/verify.ts'
import { command } from '../command.ts'
import { CliError } from '../errors.ts'

const usage = (): CliError =>
  new CliError('usage', 'pds backup takes `<dir>` or `verify <dir>`', { next: 'run `pds backup --help`' })

export const backupCommand = command({
  name: 'backup',
  summary: 'Back up the whole account to a folder, or verify a backup.',
  description:
    'It works before and after deactivation. What is there already is not fetched again, and a run that was interrupted\n' +
    'goes on where it was; the backup before it stays whole until the new one is. The keys are encrypted with a\n' +
    'passphrase, which is asked for, or given as PDS_BACKUP_PASSPHRASE.\n' +
    '`verify` needs no network, and names each file that is wrong, missing or extra. It exits with 3 if there is one.',
  positionals: [
    { name: 'dir', help: 'The folder, which is created if it does not exist; or `verify`.' },
    { name: 'folder', help: 'With `verify`: the folder.', optional: true },
  ],
  flags: {
    'without-keys': { type: 'boolean', help: 'Leave the keys out: they are kept elsewhere.' },
    'new-passphrase': { type: 'boolean', help: 'Encrypt the keys again, with another passphrase.' },
    'from-bucket': {
      type: 'string',
      hint: 'url',
      help: 'Make it from what the Worker has backed up into its bucket (S3 API): the Worker may be gone.',
    },
    keys: { type: 'boolean', help: 'With `verify`: check that the passphrase opens the keys.' },
  },
  examples: [
    'pds backup ./backup',
    'pds backup verify ./backup',
    'pds backup ./backup --from-bucket https://<account id>.r2.cloudflarestorage.com/cirrus-blobs',
  ],
  async run(context, flags, [first, folder]) {
    const {
      'without-keys': withoutKeys,
      'new-passphrase': newPassphrase,
      'from-bucket': fromBucket,
      keys,
    } = flags
    if (folder !== undefined) {
      if (first !== 'verify' || withoutKeys || newPassphrase || fromBucket) throw usage()
      return await verify(context, folder, { keys })
    }
    if (first === 'verify' || keys) throw usage()
    if (withoutKeys && newPassphrase)
      throw new CliError('usage', '--without-keys and --new-passphrase exclude each other')
    const options = { withoutKeys, newPassphrase }
    return fromBucket
      ? await pullBackup(context, first, { ...options, fromBucket })
      : await backup(context, first, options)
  },
})
