/** `pds import --from <folder>`: a backup becomes the account again. Announced last, when everything is here. */
import type { Client } from '../../client/index.ts'
import { isPublicKey } from '../../crypto/publicKey.ts'
import { orServerError } from '../serverErrors.ts'
import type { Context } from '../command.ts'
import { type Status, stateOf } from '../status.ts'
import { CliError, EXIT } from '../errors.ts'
import { count, plain } from '../output.ts'
import { createAccount, ownerSession } from './account.ts'
import { type Backup, readBackup } from './backup.ts'
import { ourTree } from './copy.ts'
import { resumeState } from './resumeState.ts'
import { findSigningKey, signAccountToken } from './signingKey.ts'
import { type Restoration, restoreBlobs, restorePreferences, restoreRepo, verify } from './restoreSteps.ts'
import { didWebAdvice } from './rotate.ts'
import { reportStep } from './reportStep.ts'

const serverKey = async (admin: Client): Promise<string> => {
  const { verificationMethods = {} } = await orServerError(
    admin.com.atproto.identity.getRecommendedDidCredentials(),
  )
  const ours: unknown = Object.entries(verificationMethods).find(([id]) => id === 'atproto')?.[1]
  if (typeof ours !== 'string') throw new CliError('not-cirrus', 'the server does not name its signing key')
  return ours
}

/** Why the account cannot be activated here, and the way out. */
const activationObstacle = async ({ admin, here, ours }: Restoration, { identity }: Status) => {
  const { did, origin } = here
  const key = identity.signingKey ?? '(none)'
  if (!identity.movedAway)
    return identity.signingKey === ours
      ? undefined
      : {
          why: `${did} names this server with the signing key ${key}, and the server has ${ours}`,
          next: 'give the server the key that the DID names (SIGNING_KEY), then run `pds activate`',
        }
  const pds = plain(identity.pds ?? 'no PDS')
  return {
    why: `${did} names ${pds}, not this server`,
    next: did.startsWith('did:plc:')
      ? `to move back from there: \`pds import --from ${plain(identity.pds ?? '<host>')}\`; if that server is gone: have your recovery key sign an operation that names ${origin} and ${ours}, then run \`pds activate\``
      : await didWebAdvice(admin),
  }
}

/** What is amiss with the folder is said before anything happens. */
const confirmIncomplete = async ({ prompts, out }: Context, { folder, problems }: Backup): Promise<void> => {
  if (problems.length === 0) return
  const shown = problems.slice(0, 5).join('\n  ')
  out.warn(
    `the backup is not complete:\n  ${shown}${problems.length > 5 ? `\n  and ${problems.length - 5} more` : ''}`,
    'export-incomplete',
  )
  await prompts.confirm(`Restore what there is in ${folder}?`)
}

/** An active account takes no repository; blobs that it lost it does take. */
const restoreLostBlobs = async (restoring: Restoration, status: Status): Promise<number> => {
  const { context, admin, here, backup } = restoring
  const same = (await ourTree(admin)).data === backup.facts.data
  const complete = status.blobs.stored >= status.blobs.expected
  const base = { did: here.did, from: backup.folder }
  if (complete && same) {
    context.out.result(
      { ok: true, ...base, already: true },
      `${plain(here.handle)} (${here.did}) is here already, active and complete.`,
    )
    return EXIT.ok
  }
  if (complete)
    throw new CliError(
      'account-active',
      `the account is active here (rev ${status.repo.rev}), and the backup is of rev ${backup.facts.rev}`,
    )
  const lost = await restoreBlobs(restoring, await ownerSession(context, here))
  await here.resume.clear()
  const { next } = await orServerError(admin.com.cirrus.admin.getStatus())
  context.out.result(
    { ok: lost.length === 0, ...base, lost, activated: true, next: plain(next) },
    `The blobs of ${plain(here.handle)} were restored; an active account keeps its repository as it is.\n${plain(next)}`,
  )
  return lost.length === 0 ? EXIT.ok : EXIT.problems
}

/** Gives whether it was done. A signed operation that waits is the business of `pds activate`. */
const activate = async (restoring: Restoration, { unsubmitted }: Status): Promise<boolean> => {
  const { context, admin, here } = restoring
  if (unsubmitted.length > 0) return false
  try {
    await context.prompts.confirm(`Activate ${plain(here.handle)} on ${here.origin} now?`)
  } catch (cause) {
    if (cause instanceof CliError && cause.code === 'not-confirmed') return false
    throw cause
  }
  await orServerError(admin.com.atproto.server.activateAccount(), { InvalidRequest: 'did-elsewhere' })
  reportStep(restoring, 'Active', here.origin)
  return true
}

const openServer = async (
  context: Context,
): Promise<Omit<Restoration, 'backup' | 'ours'> & { status: Status }> => {
  const { origin } = context.where()
  const admin = await context.admin()
  const status = await orServerError(admin.com.cirrus.admin.getStatus())
  const { did, handle, identity } = status
  if (identity.error) throw new CliError('directory-unavailable', plain(identity.error))
  const { did: serviceDid } = await orServerError(context.anyone().com.atproto.server.describeServer())
  const resume = resumeState(context.project?.root ?? context.io.cwd, did)
  return { context, admin, status, here: { did, handle, origin, serviceDid, resume } }
}

/** Restores the folder's account on this server. Each step may be done again. */
export async function restore(context: Context, folder: string): Promise<number> {
  const { admin, here, status } = await openServer(context)
  const state = stateOf(status)
  // A new server takes the account in by its own word only: without the key nothing can begin.
  const key = state === 'absent' ? await findSigningKey(context, status) : undefined
  const ours = key?.did ?? (await serverKey(admin))
  const named = status.identity.signingKey
  const keys = named === undefined || named === ours || !isPublicKey(named) ? [ours] : [ours, named]
  const backup = await readBackup(context, folder, { did: here.did, keys })
  const restoring: Restoration = { context, admin, here, backup, ours }
  const { facts, problems } = backup
  reportStep(
    restoring,
    'Backup',
    `${count(facts.records, 'record')}, ${count(facts.blobs.size, 'blob')}${problems.length > 0 ? '; not complete' : ', verified'}`,
  )
  if (state === 'active') return await restoreLostBlobs(restoring, status)
  if (state === 'moved')
    throw new CliError('account-active', `the account is still active here, and its DID names another PDS`, {
      next: 'run `pds deactivate`, then the same command again',
    })
  await confirmIncomplete(context, backup)
  const client = key
    ? await createAccount(context, here, await signAccountToken(context, here, key), {
        InvalidToken: 'import-refused',
        ExpiredToken: 'import-refused',
      })
    : await ownerSession(context, here)
  reportStep(restoring, 'Account', key ? `${here.handle} created, deactivated for now` : 'is here already')
  await restoreRepo(restoring, client, status)
  const lost = await restoreBlobs(restoring, client)
  await restorePreferences(restoring, client)
  await verify(restoring)
  const after = await orServerError(admin.com.cirrus.admin.getStatus())
  const obstacle = await activationObstacle(restoring, after)
  if (obstacle)
    throw new CliError('did-elsewhere', `everything is restored, but not activated: ${obstacle.why}`, {
      next: obstacle.next,
    })
  const activated = await activate(restoring, after)
  await here.resume.clear()
  const end = await orServerError(admin.com.cirrus.admin.getStatus())
  const next = activated ? plain(end.next) : 'look at it (`pds status`), then run `pds activate`'
  const ok = lost.length === 0 && problems.length === 0
  context.out.result(
    {
      ok,
      did: here.did,
      from: folder,
      rev: end.repo.rev,
      records: facts.records,
      lost,
      problems,
      activated,
      next,
    },
    `${plain(here.handle)} is restored on ${here.origin}${activated ? ', and active' : '; it is not active yet'}.\nNext: ${next}`,
  )
  return ok ? EXIT.ok : EXIT.problems
}
