import { backup } from '../backup/backup.ts'
import { pullBackup } from '../backup/bucket/pullBackup.ts'
import { drill } from '../backup/drill/drill.ts'
import { verify } from '../backup/verify.ts'
import { command } from '../command.ts'
import { CliError } from '../errors.ts'

const usage = (): CliError =>
  new CliError('usage', 'pds backup takes `<dir>`, `verify <dir>` or `drill <dir>`', {
    next: 'run `pds backup --help`',
  })

export const backupCommand = command({
  name: 'backup',
  summary:
    'Back up the whole account to a folder; verify a backup; or restore it on this machine, as a drill.',
  description:
    'It works before and after deactivation. What is there already is not fetched again, and a run that was interrupted\n' +
    'goes on where it was; the backup before it stays whole until the new one is. The keys are encrypted with a\n' +
    'passphrase, which is asked for, or given as PDS_BACKUP_PASSPHRASE.\n' +
    '`verify` needs no network, and names each file that is wrong, missing or extra. It exits with 3 if there is one.\n' +
    '`drill` makes the backup, restores it into a server on this machine, compares the two, and tears the server down.',
  positionals: [
    { name: 'dir', help: 'The folder, which is created if it does not exist; `verify`, or `drill`.' },
    { name: 'folder', help: 'With `verify` and `drill`: the folder.', optional: true },
  ],
  flags: {
    'without-keys': { type: 'boolean', help: 'Leave the keys out: they are kept elsewhere.' },
    'new-passphrase': { type: 'boolean', help: 'Encrypt the keys again, with another passphrase.' },
    'from-bucket': {
      type: 'string',
      hint: 'url',
      help: 'Make it from what the Worker has backed up into its bucket (S3 API): the Worker may be gone.',
    },
    existing: { type: 'boolean', help: 'With `drill`: use the backup that is there; make none first.' },
    keys: { type: 'boolean', help: 'With `verify`: check that the passphrase opens the keys.' },
  },
  examples: [
    'pds backup ./backup',
    'pds backup verify ./backup',
    'pds backup drill ./backup',
    'pds backup ./backup --from-bucket https://<account id>.r2.cloudflarestorage.com/cirrus-blobs',
  ],
  async run(context, flags, [first, folder]) {
    const { 'without-keys': withoutKeys, 'new-passphrase': newPassphrase, existing, keys } = flags
    const fromBucket = flags['from-bucket']
    if (folder !== undefined && first === 'drill') {
      if (fromBucket || keys) throw usage()
      return await drill(context, folder, { withoutKeys, newPassphrase, existing })
    }
    if (folder !== undefined) {
      if (first !== 'verify' || withoutKeys || newPassphrase || fromBucket || existing) throw usage()
      return await verify(context, folder, { keys })
    }
    if (first === 'verify' || first === 'drill' || keys || existing) throw usage()
    if (withoutKeys && newPassphrase)
      throw new CliError('usage', '--without-keys and --new-passphrase exclude each other')
    const options = { withoutKeys, newPassphrase }
    return fromBucket
      ? await pullBackup(context, first, { ...options, fromBucket })
      : await backup(context, first, options)
  },
})
