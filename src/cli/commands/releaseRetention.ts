import { command } from '../command.ts'
import { giveUpKept } from '../servers/retention.ts'
import { getStatus } from '../servers/status.ts'
import { CONFIRM_HANDLE } from '../terminal/confirmHandle.ts'

export const releaseRetention = command({
  name: 'release-retention',
  summary: 'After a move: let what this server keeps of the account be replaced or deleted already.',
  description:
    'For 72 hours after a move was noticed, and until `pds verify` has passed, no blob is collected here, and no\n' +
    'repository is imported over the one that is here. This ends that now, for an owner who types the handle. It is\n' +
    'needed to come back with a tool other than `pds`, which asks by itself. It deletes nothing.',
  flags: CONFIRM_HANDLE,
  async run(context, { 'confirm-handle': given }) {
    const admin = await context.admin()
    const status = await getStatus(admin)
    await giveUpKept(context, admin, { status, given })
    const { did, retention } = status
    context.out.result(
      { ok: true, did, released: retention !== undefined },
      retention ? 'Nothing is locked any more.' : 'Nothing is locked here.',
    )
  },
})
