import { orServerError } from '../serverErrors.ts'
import { command } from '../command.ts'
import { CliError } from '../errors.ts'
import { plain } from '../output.ts'
import { stateOf, unsubmittedText } from '../status.ts'

export const activate = command({
  name: 'activate',
  summary: 'Bring the account up: a new one, one that moved in, or one that was deactivated.',
  description: 'Refused while the DID names another PDS or another key.',
  async run({ admin, prompts, io, out, where }) {
    const server = await admin()
    const status = await orServerError(server.com.cirrus.admin.getStatus())
    const { did, handle, identity, unsubmitted } = status
    const before = stateOf(status)
    if (identity.movedAway)
      throw new CliError(
        'did-elsewhere',
        `${did} names ${plain(identity.pds ?? 'no PDS')}, not this server`,
        {
          next: `to move it here: \`pds import --from ${plain(identity.pds ?? '<host>')}\`; else leave it as it is`,
        },
      )
    if (unsubmitted.length > 0) {
      out.warn(
        `an operation was signed and not sent; whoever has it can still move the DID:\n${unsubmittedText(status)}\nNext: \`pds identity --void\` makes it worthless.`,
      )
      if (io.stdin.isTTY) await prompts.confirm('Activate all the same, with that operation still valid?')
    }
    await orServerError(server.com.atproto.server.activateAccount(), { InvalidRequest: 'did-elsewhere' })
    const { next } = await orServerError(server.com.cirrus.admin.getStatus())
    const text = [
      before === 'active'
        ? `${plain(handle)} is active on ${where().origin}, as before.`
        : `${plain(handle)} (${did}) is active on ${where().origin}.`,
      plain(next),
    ].join('\n')
    out.result({ ok: true, did, handle, before, next }, text)
  },
})
