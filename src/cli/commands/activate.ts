import { isTid } from '../../repo/tid.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'
import { CliError } from '../errors.ts'
import { getStatus, stateOf, unsubmittedText } from '../servers/status.ts'
import { SESSIONS_ENDED, wasActivated } from '../servers/wasActivated.ts'

export const activate = command({
  name: 'activate',
  summary: 'Activate the account: a new one, one that moved in, or one that was deactivated.',
  description:
    'It is refused while the DID names another PDS or another key. It signs a new commit, of the time now: relays ignore\n' +
    'what is not above the last revision that they know. After a move was taken back, give the last one of the other PDS\n' +
    '(`rev` of com.atproto.sync.getLatestCommit there) as --above: its clock may be ahead.',
  flags: {
    above: { type: 'string', hint: 'rev', help: 'Sign with a revision above this one.' },
  },
  examples: ['pds activate', 'pds activate --above 3l4wmpkd2uc2x'],
  async run({ admin, prompts, io, out, address }, { above }) {
    if (above !== undefined && !isTid(above))
      throw new CliError('usage', `--above ${above} is not a revision, such as 3l4wmpkd2uc2x`)
    const server = await admin()
    const status = await getStatus(server)
    const { did, handle, identity, unsubmitted } = status
    const before = stateOf(status)
    if (identity.movedAway)
      throw new CliError('did-elsewhere', `${did} names ${identity.pds ?? 'no PDS'}, not this server`, {
        next: `to move it here: \`pds import --from ${identity.pds ?? '<host>'}\`; otherwise leave it as it is`,
      })
    if (unsubmitted.length > 0) {
      out.warn(
        `an operation was signed and not submitted; anyone who has it can still move the DID:\n${unsubmittedText(status)}\nNext: \`pds identity --void\` makes it worthless.`,
      )
      if (io.stdin.isTTY) await prompts.confirm('Activate anyway, while that operation is still valid?')
    }
    if (above !== undefined)
      await orServerError(server.com.cirrus.admin.raiseRevFloor({ rev: above }), { RevInFuture: 'usage' })
    const isFirst = before === 'deactivated' && !(await wasActivated(server, status))
    await orServerError(server.com.atproto.server.activateAccount(), { InvalidRequest: 'did-elsewhere' })
    const { next } = await getStatus(server)
    const text = [
      before === 'active'
        ? `${handle} is active on ${address().origin}, as before.`
        : `${handle} (${did}) is active on ${address().origin}.`,
      ...(isFirst ? [`It is active for the first time: ${SESSIONS_ENDED}.`] : []),
      next,
    ].join('\n')
    out.result({ ok: true, did, handle, before, next }, text)
  },
})
