import type { Client } from '../../client/index.ts'
import type { Scope } from '../../signing/migrationToken.ts'
import { orServerError } from '../servers/serverErrors.ts'
import type { Context } from '../command.ts'
import { type Status, stateOf, getStatus } from '../servers/status.ts'
import { parseHost } from '../project/config.ts'
import { CliError, EXIT } from '../errors.ts'
import { serverCredentials, signingKeyOf } from '../servers/serverCredentials.ts'
import { confirmFoundAccount, openLocalAccount } from './localAccount.ts'
import { fetchRepo } from './copy.ts'
import { passwordSource, tokenSource } from './source.ts'
import {
  deactivateSource,
  copyEverything,
  type Move,
  createOrSignIn,
  deactivateFirst,
  updateDid,
  verifyCopy,
} from './moveSteps.ts'
import { giveUpKept } from '../servers/retention.ts'
import { SESSIONS_ENDED, wasActivated } from '../servers/wasActivated.ts'
import { reportStep } from './reportStep.ts'

/** The scopes that the token needs for what is still to be done; `rotated`: the DID names this server already. */
const neededScopes = (status: Status, rotated: boolean): Scope[] => [
  ...(stateOf(status) === 'absent' ? (['account:create'] as const) : []),
  ...(rotated ? [] : (['repo:read', 'preferences:read'] as const)),
  'blob:read',
  ...(rotated || !status.did.startsWith('did:plc:') ? [] : (['plc:sign'] as const)),
]

/** Whether the DID names this server already, after an earlier run. */
const isRotated = async (admin: Client, status: Status): Promise<boolean> => {
  const { identity, did } = status
  if (stateOf(status) === 'absent') {
    if (identity.movedAway) return false
    throw new CliError(
      'account-absent',
      `${did} names this server already, and there is no account here yet`,
      {
        next: 'run `pds activate` for a new and empty account, `pds restore <dir>` to restore it from a backup',
      },
    )
  }
  return !identity.movedAway && identity.signingKey === signingKeyOf(await serverCredentials(admin))
}

/** Copies everything, then has the DID name this server. Returns the CIDs of the blobs that the source lacks. */
const copyAndUpdateDid = async (move: Move, status: Status, rotated: boolean) => {
  const { context, here, source } = move
  const owner = await createOrSignIn(move, status)
  const { facts, lost } = await copyEverything(move, owner, status, rotated)
  if (!facts) return lost
  await verifyCopy(move, facts)
  // What was written to the source meanwhile would be lost: the DID changes only if nothing is new.
  const latest = await fetchRepo(context, source, here, status.identity.signingKey ?? '')
  if (latest.root !== facts.root)
    throw new CliError(
      'copy-incomplete',
      'the account was written to on the source during the copy; the DID was not changed',
      { next: 'stop writing there, then run the same command again' },
    )
  await updateDid(move, owner)
  return lost
}

/**
 * `pds import --from <host>`: moves the account in from another PDS, with a migration token or, if `identifier` is
 * given, with its password there. `handle` is what the user typed to replace what is kept here. The DID changes last, when
 * everything is here.
 */
export async function moveIn(
  context: Context,
  { host, identifier, handle }: { host: string; identifier: string | undefined; handle?: string | undefined },
): Promise<number> {
  const { out, io, address } = context
  const { origin } = address()
  if (parseHost(host, '--from') === origin)
    throw new CliError('target-is-self', `--from ${host} is this server`, {
      next: 'name the PDS that the account is on',
    })
  const { admin, status, here } = await openLocalAccount(context)
  const rotated = await isRotated(admin, status)
  if (rotated && stateOf(status) === 'active' && status.blobs.stored >= status.blobs.expected) {
    out.result(
      { ok: true, did: here.did, already: true },
      `${here.handle} (${here.did}) is here already, active and complete.`,
    )
    return EXIT.ok
  }
  const isOwners = await wasActivated(admin, status)
  await confirmFoundAccount(context, here, status, isOwners)
  // Asked before the token can expire: without a terminal nobody can confirm the PLC step.
  if (!rotated && !io.stdin.isTTY) await context.prompts.confirm(`Move ${here.handle} to ${origin}?`)
  const source = identifier
    ? await passwordSource(context, host, here, identifier)
    : await tokenSource(context, host, here, neededScopes(status, rotated))
  const move: Move = { context, admin, here, source }
  await deactivateFirst(context, admin, status)
  if (!rotated) await giveUpKept(context, admin, { status, given: handle })
  const lost = await copyAndUpdateDid(move, status, rotated)
  await orServerError(admin.com.atproto.server.activateAccount(), { InvalidRequest: 'did-elsewhere' })
  reportStep(move, 'Active', origin)
  if (!isOwners) reportStep(move, 'Sessions', SESSIONS_ENDED)
  const sourceDeactivated = rotated ? false : await deactivateSource(move)
  await here.resume.clear()
  const end = await getStatus(admin)
  const next = sourceDeactivated
    ? end.next
    : `deactivate the account on ${source.origin} (a Cirrus: \`pds deactivate\` there)`
  out.result(
    { ok: lost.length === 0, did: here.did, from: source.origin, lost, sourceDeactivated, next },
    `${here.handle} is on ${origin} now.\nNext: ${next}`,
  )
  return lost.length === 0 ? EXIT.ok : EXIT.problems
}
