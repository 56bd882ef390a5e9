import { command } from '../command.ts'
import { CliError } from '../errors.ts'
import { folderOf } from '../import/backup.ts'
import { moveIn } from '../import/moveIn.ts'
import { restore } from '../import/restore.ts'

export const importCommand = command({
  name: 'import',
  summary: 'Move an account in from another PDS, or restore it from a backup.',
  description:
    'From a Cirrus: give the token of `pds migrate-token --target <this server>` on standard input, or when asked.\n' +
    'From any other PDS: use --identifier, then the account password and the code that the PDS sends by e-mail.\n' +
    'From a folder that `pds export` wrote: to a new server with the same keys, or over a deactivated account.\n' +
    'A new server needs SIGNING_KEY (.dev.vars, the key file, or the environment), a deactivated account its password.\n' +
    'It may be run again after any interruption: what is done is not repeated, and only what is missing is copied.',
  flags: {
    from: {
      type: 'string',
      hint: 'host|folder',
      help: 'The PDS that the account is on, or the folder of a backup (./backup).',
    },
    identifier: {
      type: 'string',
      hint: 'handle',
      help: 'Sign in there with this handle or DID and a password, instead of a token.',
    },
  },
  examples: [
    'pds import --from old.example.com',
    'ssh old pds migrate-token --target https://new.example.com | pds import --from old.example.com --yes',
    'pds import --from pds.example.org --identifier alice.example.org',
    'pds import --from ./backup',
  ],
  async run(context, { from, identifier }) {
    if (!from)
      throw new CliError('usage', 'pds import: --from <host or folder> is missing', {
        next: 'run `pds import --help`',
      })
    const folder = folderOf(context.io.cwd, from)
    if (folder === undefined) return await moveIn(context, { host: from, identifier })
    if (identifier) throw new CliError('usage', `--identifier is for a PDS, and ${from} is a folder`)
    return await restore(context, folder)
  },
})
