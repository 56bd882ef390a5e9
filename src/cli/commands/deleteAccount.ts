import { command, type Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { noBackup, requireBackup } from '../backup/requireBackup.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { retentionText } from '../servers/retention.ts'
import { getStatus, stateOf, type Status } from '../servers/status.ts'
import { CONFIRM_HANDLE, confirmHandle } from '../terminal/confirmHandle.ts'

const DAY_MS = 24 * 3600_000

/** Verifies the folder as a restore would, and that it is complete and of the last day. */
const requireRecentBackup = async (context: Context, dir: string, status: Status): Promise<string> => {
  const { io, out } = context
  const { folder, madeAt, rev } = await requireBackup(context, dir, status)
  const age = io.now() - madeAt
  if (age > DAY_MS) throw noBackup(`${folder} is ${Math.floor(age / DAY_MS)} days old`)
  if (status.repo.rev !== undefined && rev !== status.repo.rev)
    out.warn(
      `something was written since the backup: it is of revision ${rev}, the account of ${status.repo.rev}`,
    )
  return folder
}

export const deleteAccount = command({
  name: 'delete-account',
  summary: 'Delete the account on this server, for ever.',
  description:
    'It needs a backup of the last day (`pds backup`), which it verifies, or --without-backup; and the handle, typed.\n' +
    'The network is told, everything that signs in ends at once, and repository and blobs are erased in the background.\n' +
    'The DID stays: with its keys the account can be set up elsewhere. May be repeated: it says how far the erasure is.',
  flags: {
    backup: { type: 'string', hint: 'dir', help: 'The folder of a `pds backup` of the last day.' },
    'without-backup': {
      type: 'boolean',
      help: 'Delete without one. What is deleted cannot be brought back.',
    },
    ...CONFIRM_HANDLE,
  },
  examples: ['pds backup ./backup && pds delete-account --backup ./backup'],
  async run(context, flags) {
    const { out } = context
    const { backup, 'without-backup': withoutBackup, 'confirm-handle': given } = flags
    if (backup !== undefined && withoutBackup)
      throw new CliError('usage', '--backup and --without-backup exclude each other')
    const server = await context.admin()
    const status = await getStatus(server)
    const state = stateOf(status)
    if (state === 'absent') throw new CliError('account-absent', 'there is no account here to delete')
    let typed: string | undefined
    if (state !== 'deleted') {
      if (backup === undefined && !withoutBackup) throw noBackup(`no backup of ${status.handle} was named`)
      const folder = backup === undefined ? undefined : await requireRecentBackup(context, backup, status)
      out.note(
        [
          `${status.handle}, ${status.did}: ${status.repo.records} records and ${status.blobs.stored} blobs will be erased on this server.`,
          folder
            ? `The backup in ${folder} is complete.`
            : 'Without a backup, nothing of it can be brought back.',
          ...(status.identity.movedAway
            ? []
            : ['The DID still names this server: the network will see the account as deleted.']),
          ...(status.retention ? [`After the move, ${retentionText(status.retention)}.`] : []),
        ].join('\n'),
      )
      typed = await confirmHandle(context, {
        given,
        handle: status.handle,
        to: 'delete it for ever',
      })
    }
    const { erased } = await orServerError(
      server.com.cirrus.admin.deleteAccount({
        did: status.did,
        ...(typed !== undefined && { confirmHandle: typed }),
      }),
    )
    out.result(
      { ok: true, did: status.did, deleted: true, erased },
      erased
        ? `${status.did} is deleted, and nothing of it is left here.\nNext: within a day or two relays have noticed; then delete Worker, bucket and DNS records as the README says.`
        : `${status.did} is deleted. Repository and blobs are being erased; run the command again to see whether it is done.`,
    )
  },
})
