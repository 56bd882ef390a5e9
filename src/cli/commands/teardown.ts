import { connect } from '../../client/index.ts'
import { type Check, fail, pass, warn, worst } from '../../mover/check.ts'
import { requireBackup } from '../backup/requireBackup.ts'
import { cleanupSteps, cleanupText } from '../cleanupSteps.ts'
import { command, type Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError, messageOf } from '../errors.ts'
import { didWeb } from '../servers/didWeb.ts'
import { retentionText } from '../servers/retention.ts'
import { getStatus, stateOf, type Status } from '../servers/status.ts'
import { checkLines } from '../terminal/checkLines.ts'

const checkDid = ({ did, identity }: Status, host: string): Check => {
  if (did === didWeb(host))
    return fail(
      'did',
      `${did} is this host name: without it the account is gone for ever`,
      'keep serving /.well-known/did.json under this name, from wherever you like, before you delete anything',
    )
  if (identity.error)
    return fail('did', `nobody could be asked which PDS it names: ${identity.error}`, 'run the command again')
  if (!identity.movedAway)
    return fail('did', 'it still names this server', 'move the account first: `pds move --to <url>`')
  return pass('did', `it names ${identity.pds ?? 'another PDS'}`)
}

const checkThere = async ({ io }: Context, { did, identity }: Status): Promise<Check[]> => {
  const { pds, movedAway } = identity
  if (!movedAway || pds === undefined) return []
  const mend = 'look there whether your account works; delete nothing before it does'
  try {
    const { active } = await connect(pds, { fetch: io.fetch }).com.atproto.sync.getRepoStatus({ did })
    return [
      active
        ? pass('there', `${pds} serves the account`)
        : fail('there', `the account is not active on ${pds}`, mend),
    ]
  } catch (cause) {
    return [fail('there', `${pds} does not say that it serves the account: ${messageOf(cause)}`, mend)]
  }
}

const checkHere = (status: Status): Check => {
  const state = stateOf(status)
  if (state === 'deactivated') return pass('here', 'the account is deactivated')
  return state === 'absent' || state === 'deleted'
    ? pass('here', `the account is ${state}`)
    : fail('here', 'the account is not deactivated', '`pds deactivate`')
}

const checkRetention = ({ retention, identity }: Status): Check =>
  retention
    ? fail(
        'retention',
        retentionText(retention),
        retention.verified
          ? 'wait until then: until then the move can be undone'
          : `\`pds verify --to ${identity.pds ?? '<url>'}\``,
      )
    : pass('retention', 'nothing is locked')

const checkKey = ({ identity, keys }: Status): Check[] => {
  const key = keys?.rotationKey
  if (key === undefined || !identity.rotationKeys.includes(key)) return []
  return [
    warn(
      'key',
      `the DID still has this server’s rotation key ${key}: anyone who has it can change the DID`,
      'keep the key file safe, or have an operation drop the key, before you throw it away',
    ),
  ]
}

const checkHandle = ({ handle }: Status, host: string): Check[] =>
  handle === host
    ? [
        warn(
          'handle',
          `${handle} is this host name, which the Worker vouches for`,
          `change the handle first, or set a DNS record _atproto.${handle} TXT`,
        ),
      ]
    : []

const checkBackup = async (context: Context, dir: string | undefined, status: Status): Promise<Check> => {
  const mend = '`pds backup <dir>`, which still works, then `pds teardown --backup <dir>`'
  if (dir === undefined) return fail('backup', 'none was named', mend)
  try {
    const { folder, rev } = await requireBackup(context, dir, status)
    if (status.repo.rev !== undefined && rev !== status.repo.rev)
      return fail(
        'backup',
        `${folder} is of revision ${rev}, and the account here of ${status.repo.rev}`,
        mend,
      )
    return pass('backup', `${folder} is complete, of revision ${rev}`)
  } catch (cause) {
    if (!(cause instanceof CliError)) throw cause
    return fail('backup', cause.message, mend)
  }
}

export const teardown = command({
  name: 'teardown',
  summary:
    'After a move: check that this server may go, and say what to delete, in which order. It deletes nothing.',
  description:
    'It verifies the backup as a restore would, and looks whether the DID names another PDS that serves the account, and\n' +
    'whether the retention lock is over. It exits with 3 while something must not be deleted yet.',
  flags: {
    backup: { type: 'string', hint: 'dir', help: 'The folder of a `pds backup` of what is here.' },
  },
  examples: ['pds backup ./backup && pds teardown --backup ./backup'],
  async run(context, { backup }) {
    const { out, project, address } = context
    const status = await getStatus(await context.admin())
    const { did, handle } = status
    const { host } = new URL(address().origin)
    const checks = [
      checkDid(status, host),
      ...(await checkThere(context, status)),
      checkHere(status),
      checkRetention(status),
      await checkBackup(context, backup, status),
      ...checkKey(status),
      ...checkHandle(status, host),
    ]
    const steps = cleanupSteps({
      did,
      handle,
      hostname: host,
      worker: project?.worker,
      bucket: project?.bucket,
    })
    const ok = worst(checks) !== 'fail'
    const text = [
      checkLines(checks, out.paint),
      '',
      ok
        ? 'Nothing that is only here would be lost. To shut the server down, in this order:'
        : 'Delete nothing yet: first mend what the lines with ✗ say. Then, in this order:',
      '  0. keep the backup, and the key file that `pds init` wrote: off this machine',
      cleanupText(steps),
    ].join('\n')
    out.result({ ok, did, checks, delete: steps }, text, ok ? undefined : 'check-list-failed')
    return ok ? EXIT.ok : EXIT.problems
  },
})
