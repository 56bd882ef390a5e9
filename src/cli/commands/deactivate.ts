import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'
import { cleanupSteps, cleanupText } from '../cleanupSteps.ts'
import { getStatus, stateOf } from '../servers/status.ts'

export const deactivate = command({
  name: 'deactivate',
  summary: 'Stop accepting writes and serving the public, after a move. Nothing is deleted.',
  description:
    'The owner, the admin and a migration token can still read everything. `pds activate` activates the account again\n' +
    'while the DID names this server.',
  async run({ admin, prompts, address, project, out }) {
    const server = await admin()
    const status = await getStatus(server)
    const { did, handle, identity } = status
    const { host } = new URL(address().origin)
    const already = stateOf(status) === 'deactivated'
    if (identity.error) out.warn(`the network could not be asked which PDS the DID names: ${identity.error}`)
    else if (!identity.movedAway)
      out.warn(
        `the DID still names this server. If you deactivate now, ${handle} is offline everywhere until it moves to another PDS, or until \`pds activate\`.`,
      )
    if (!already) {
      out.note(`Deactivating ${handle} (${did}) on ${host}:`)
      out.note('  writes are refused; anonymous reads of the repository and the blobs are refused')
      out.note('  describeServer, identity and status requests are still answered')
      out.note('  you, the admin and a migration token can still read everything; nothing is deleted')
      await prompts.confirm(`Deactivate ${handle} here?`)
      await orServerError(server.com.atproto.server.deactivateAccount({}))
    }
    const steps = cleanupSteps({
      did,
      handle,
      hostname: host,
      worker: project?.worker,
      bucket: project?.bucket,
    })
    const text = [
      already ? `${handle} was already deactivated.` : `${handle} is deactivated on ${host}.`,
      identity.movedAway
        ? 'To shut it down for good, later (`pds teardown` says when), in this order:'
        : 'Delete nothing yet: the DID does not name another PDS (`pds status`). When it does, in this order:',
      `  0. keep a backup: \`pds backup <dir>\` (it still works now) and the key file that \`pds init\` wrote`,
      cleanupText(steps),
    ].join('\n')
    out.result({ ok: true, did, already, delete: steps }, text)
  },
})
