import { restore } from '../backup/restore.ts'
import { command } from '../command.ts'
import { MAX_REQUEST_FLAG, parseMaxRequest } from '../move/maxRequest.ts'
import { CONFIRM_HANDLE } from '../terminal/confirmHandle.ts'

export const restoreCommand = command({
  name: 'restore',
  summary: 'Bring this server to the state of a backup.',
  description:
    'To a new server with the same keys, or over a deactivated account; an active one gets back the blobs that it lost.\n' +
    'The backup is verified first. Then account, repository, blobs with their types and preferences are sent and\n' +
    'compared, and the account is activated when you say so. A new server needs the signing key: of .dev.vars, the key\n' +
    'file, SIGNING_KEY in the environment, or the backup itself with its passphrase (PDS_BACKUP_PASSPHRASE).\n' +
    'It may be run again after any interruption: what is done is not repeated. A repository above 100 MB is sent in parts.\n' +
    'It takes a folder of `pds export` too.',
  positionals: [{ name: 'dir', help: 'The folder that `pds backup` wrote.' }],
  flags: { ...CONFIRM_HANDLE, 'max-request': MAX_REQUEST_FLAG },
  examples: ['pds restore ./backup', 'PDS_PASSWORD=… pds restore ./backup --yes --host new.example.com'],
  run: (context, { 'confirm-handle': handle, 'max-request': maxRequest }, [dir]) =>
    restore(context, dir, { handle, maxRequestBytes: parseMaxRequest(maxRequest) }),
})
