/** `pds import --from <host>`: the account comes from another PDS. The DID turns last, when everything is here. */
import type { Client } from '../../client/index.ts'
import type { Scope } from '../../signing/migrationToken.ts'
import { orServerError } from '../serverErrors.ts'
import type { Context } from '../command.ts'
import { type Status, stateOf } from '../status.ts'
import { parseHost } from '../config.ts'
import { CliError, EXIT } from '../errors.ts'
import { plain } from '../output.ts'
import type { Here } from './account.ts'
import { fetchRepo } from './copy.ts'
import { resumeState } from './resumeState.ts'
import { passwordSource, tokenSource } from './source.ts'
import {
  closeSource,
  copyEverything,
  type Move,
  ownerClient,
  deactivateFirst,
  updateDid,
  verifyCopy,
} from './moveSteps.ts'
import { reportStep } from './reportStep.ts'

/** What a token must allow, for what is still to do. */
const neededScopes = (status: Status, rotated: boolean): Scope[] => [
  ...(stateOf(status) === 'absent' ? (['account:create'] as const) : []),
  ...(rotated ? [] : (['repo:read', 'preferences:read'] as const)),
  'blob:read',
  ...(rotated || !status.did.startsWith('did:plc:') ? [] : (['plc:sign'] as const)),
]

/** Whether an earlier run has turned the DID here already. */
const isRotated = async (admin: Client, status: Status): Promise<boolean> => {
  const { identity, did } = status
  if (stateOf(status) === 'absent') {
    if (identity.movedAway) return false
    throw new CliError(
      'account-absent',
      `${did} names this server already, and there is no account here yet`,
      {
        next: 'run `pds activate` for a new and empty one, `pds import --from <folder>` for one that you have a backup of',
      },
    )
  }
  const { verificationMethods = {} } = await orServerError(
    admin.com.atproto.identity.getRecommendedDidCredentials(),
  )
  const ours: unknown = Object.entries(verificationMethods).find(([id]) => id === 'atproto')?.[1]
  return !identity.movedAway && identity.signingKey === ours
}

/** Copies until nothing is new, then has the DID name this server. Gives the blobs that the source lacks. */
const copyAndUpdateDid = async (move: Move, status: Status, rotated: boolean) => {
  const { context, here, source } = move
  const client = await ownerClient(move, status)
  const { facts, lost } = await copyEverything(move, client, status, rotated)
  if (!facts) return lost
  await verifyCopy(move, facts)
  // Whoever wrote to the source meanwhile would lose it: once more, until nothing is new.
  const again = await fetchRepo(context, source, here, status.identity.signingKey ?? '')
  if (again.root !== facts.root)
    throw new CliError(
      'copy-incomplete',
      'the account was written to on the source during the copy; the DID was not touched',
      { next: 'stop writing there, then run the same command again' },
    )
  await updateDid(move, client)
  return lost
}

/** Moves the account in from the PDS at `host`: by a token, or signed in there with `identifier`. */
export async function moveIn(
  context: Context,
  { host, identifier }: { host: string; identifier: string | undefined },
): Promise<number> {
  const { out, io, where } = context
  const { origin } = where()
  if (parseHost(host, '--from') === origin)
    throw new CliError('target-is-self', `--from ${host} is this server`, {
      next: 'name the PDS that the account is on',
    })
  const admin = await context.admin()
  const status = await orServerError(admin.com.cirrus.admin.getStatus())
  if (status.identity.error) throw new CliError('directory-unavailable', plain(status.identity.error))
  const { did: serviceDid } = await orServerError(context.anyone().com.atproto.server.describeServer())
  const resume = resumeState(context.project?.root ?? io.cwd, status.did)
  const here: Here = { did: status.did, handle: status.handle, origin, serviceDid, resume }
  const rotated = await isRotated(admin, status)
  if (rotated && stateOf(status) === 'active' && status.blobs.stored >= status.blobs.expected) {
    out.result(
      { ok: true, did: here.did, already: true },
      `${plain(here.handle)} (${here.did}) is here already, active and complete.`,
    )
    return EXIT.ok
  }
  // Before a token runs out: without a terminal nobody can say yes to the PLC step.
  if (!rotated && !io.stdin.isTTY) await context.prompts.confirm(`Move ${plain(here.handle)} to ${origin}?`)
  const source = identifier
    ? await passwordSource(context, host, here, identifier)
    : await tokenSource(context, host, here, neededScopes(status, rotated))
  const move: Move = { context, admin, here, source }
  await deactivateFirst(context, admin, status)
  const lost = await copyAndUpdateDid(move, status, rotated)
  await orServerError(admin.com.atproto.server.activateAccount(), { InvalidRequest: 'did-elsewhere' })
  reportStep(move, 'Active', origin)
  const closed = rotated ? false : await closeSource(move)
  await resume.clear()
  const end = await orServerError(admin.com.cirrus.admin.getStatus())
  const next = closed
    ? plain(end.next)
    : `deactivate the account on ${source.origin} (a Cirrus: \`pds deactivate\` there)`
  out.result(
    { ok: lost.length === 0, did: here.did, from: source.origin, lost, sourceDeactivated: closed, next },
    `${plain(here.handle)} lives on ${origin} now.\nNext: ${next}`,
  )
  return lost.length === 0 ? EXIT.ok : EXIT.problems
}
