import { statSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import { command } from '../command.ts'
import { CliError } from '../errors.ts'
import { MAX_REPO_FLAG, parseMaxRepo } from '../move/maxRepo.ts'
import { MAX_REQUEST_FLAG, parseMaxRequest } from '../move/maxRequest.ts'
import { importFrom } from '../move/importFrom.ts'
import { CONFIRM_HANDLE } from '../terminal/confirmHandle.ts'

/** Whether `--from` names a folder and not a host: a host name has no slash, a URL has a scheme. */
const isFolder = (cwd: string, from: string): boolean =>
  !from.includes('://') &&
  (from.includes('/') ||
    from.includes(sep) ||
    (statSync(resolve(cwd, from), { throwIfNoEntry: false })?.isDirectory() ?? false))

export const importCommand = command({
  name: 'import',
  summary: 'Move an account in from another PDS.',
  description:
    'From a Cirrus: give the token of `pds migrate-token --target <this server>` on standard input, or when asked.\n' +
    'From any other PDS: use --identifier, then the account password and the code that the PDS sends by e-mail.\n' +
    'A backup is restored by `pds restore <dir>`.\n' +
    'Over an account that moved away within 72 hours, or without a verification, it asks for the handle.\n' +
    'It may be run again after any interruption: what is done is not repeated, and only what is missing is copied.',
  flags: {
    from: {
      type: 'string',
      hint: 'host',
      help: 'The PDS that the account is on.',
    },
    identifier: {
      type: 'string',
      hint: 'handle',
      help: 'Sign in there with this handle or DID and a password, instead of a token.',
    },
    entryway: {
      type: 'boolean',
      help: '--from is an entryway: you sign in there, and the account is on the PDS that the DID names.',
    },
    ...CONFIRM_HANDLE,
    'max-repo': MAX_REPO_FLAG,
    'max-request': {
      ...MAX_REQUEST_FLAG,
      help: 'Send this server no repository that is larger than this: it fetches it. Default: 100.',
    },
  },
  examples: [
    'pds import --from old.example.com',
    'ssh old pds migrate-token --target https://new.example.com | pds import --from old.example.com --yes',
    'pds import --from pds.example.org --identifier alice.example.org',
  ],
  async run(context, flags) {
    const { from, identifier, entryway } = flags
    if (!from)
      throw new CliError('usage', 'pds import: --from <host> is missing', {
        next: 'run `pds import --help`',
      })
    if (isFolder(context.io.cwd, from))
      throw new CliError('usage', `--from ${from} is a folder: a backup is restored by \`pds restore\``, {
        next: `run \`pds restore ${from}\``,
      })
    return await importFrom(context, {
      host: from,
      identifier,
      entryway,
      confirmed: flags['confirm-handle'],
      maxRepoBytes: parseMaxRepo(flags['max-repo']),
      maxRequestBytes: parseMaxRequest(flags['max-request']),
    })
  },
})
