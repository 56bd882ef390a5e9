import { moveAccount } from '../../mover/moveAccount.ts'
import { adminTarget } from '../../mover/peers/adminPeers.ts'
import { passwordSource } from '../../mover/peers/passwordSource.ts'
import { tokenSource } from '../../mover/peers/tokenSource.ts'
import type { Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { parseHost } from '../project/config.ts'
import { giveUpKept } from '../servers/retention.ts'
import { getStatus, stateOf } from '../servers/status.ts'
import { accountPassword } from './accountPassword.ts'
import { configuredKeys, moverDeps, openMoveStore } from './moveContext.ts'
import { createOwner } from './owner.ts'
import { createShowEvents } from './showEvents.ts'

export interface ImportOptions {
  readonly host: string
  readonly identifier: string | undefined
  readonly entryway: boolean
  /** The handle, typed by the user to replace what is kept here. */
  readonly confirmed: string | undefined
  readonly maxRepoBytes: number | undefined
  /** A larger repository is not sent in one request. */
  readonly maxRequestBytes: number | undefined
}

/**
 * `pds import --from <host>`: moves the account in from another PDS, with a migration token or, if `identifier` is
 * given, with its password there.
 */
export async function importFrom(
  context: Context,
  { host, identifier, entryway, confirmed, maxRepoBytes, maxRequestBytes }: ImportOptions,
): Promise<number> {
  const { out, io, prompts, address } = context
  const { origin, plcUrl, dev } = address()
  const from = parseHost(host, '--from')
  if (from === origin)
    throw new CliError('target-is-self', `--from ${host} is this server`, {
      next: 'name the PDS that the account is on',
    })
  const admin = await context.admin()
  const status = await getStatus(admin)
  const { did, handle, identity } = status
  if (identity.error) throw new CliError('directory-unavailable', identity.error)
  if (stateOf(status) === 'absent' && !identity.movedAway)
    throw new CliError(
      'account-absent',
      `${did} names this server already, and there is no account here yet`,
      {
        next: 'run `pds activate` for a new and empty account, `pds import --from <folder>` to restore it from a backup',
      },
    )
  // Asked before a token can expire: without a terminal nobody can confirm the PLC step.
  if (identity.movedAway && !io.stdin.isTTY) await prompts.confirm(`Move ${handle} to ${origin}?`)
  const deps = moverDeps(context, { directoryUrl: plcUrl, dev })
  const owner = createOwner(context, { targetPassword: accountPassword(context, did) })
  const report = await moveAccount({
    account: did,
    source: identifier
      ? passwordSource({ origin: from, identifier, owner, deps })
      : tokenSource({ origin: from, owner, deps }),
    target: adminTarget({
      admin,
      owner,
      deps,
      makeRoom: () => giveUpKept(context, admin, { status, given: confirmed }),
    }),
    owner,
    store: await openMoveStore(context, origin, did),
    deps,
    options: { ownerKeys: configuredKeys(context), entryway, maxRepoBytes, maxRequestBytes },
    on: createShowEvents(context, { lines: false }),
  })
  if (report.already && report.reached === 'report' && report.from === '') {
    out.result({ ok: true, did, already: true }, `${handle} (${did}) is here already, active and complete.`)
    return EXIT.ok
  }
  const { missing: lost, sourceDeactivated, ok, already } = report
  const next = sourceDeactivated ? (await getStatus(admin)).next : report.next
  out.result(
    { ok, did, from, lost, sourceDeactivated, ...(already ? { already } : {}), next },
    already
      ? `${handle} (${did}) is here already, active and complete.`
      : `${handle} is on ${origin} now.\nNext: ${next}`,
  )
  return ok ? EXIT.ok : EXIT.problems
}
