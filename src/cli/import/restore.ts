import { isPublicKey } from '../../crypto/publicKey.ts'
import { orServerError } from '../servers/serverErrors.ts'
import type { Context } from '../command.ts'
import { type Status, stateOf, getStatus } from '../servers/status.ts'
import { CliError, EXIT } from '../errors.ts'
import { count } from '../terminal/output.ts'
import { serverCredentials, signingKeyOf } from '../servers/serverCredentials.ts'
import { confirmFoundAccount, createAccount, openLocalAccount, signInAsOwner } from './localAccount.ts'
import { type Backup, readBackup } from './backup.ts'
import { manifestHere } from './copy.ts'
import { findSigningKey, signAccountToken } from './signingKey.ts'
import {
  type Restoration,
  restoreBlobs,
  restorePreferences,
  restoreRepo,
  verifyRestored,
} from './restoreSteps.ts'
import { didWebAdvice } from './rotate.ts'
import { SESSIONS_ENDED, wasActivated } from '../servers/wasActivated.ts'
import { reportStep } from './reportStep.ts'

/** Why the account cannot be activated here, and what to do about it; undefined if it can. */
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
  const pds = identity.pds ?? 'no PDS'
  return {
    why: `${did} names ${pds}, not this server`,
    next: did.startsWith('did:plc:')
      ? `to move the account back from there: \`pds import --from ${identity.pds ?? '<host>'}\`; if that server is gone: have your recovery key sign an operation that names ${origin} and ${ours}, then run \`pds activate\``
      : await didWebAdvice(admin),
  }
}

/** Tells the user what is wrong with the folder, and asks whether to continue, before anything happens. */
const confirmIncomplete = async ({ prompts, out }: Context, { folder, problems }: Backup): Promise<void> => {
  if (problems.length === 0) return
  const shown = problems.slice(0, 5).join('\n  ')
  out.warn(
    `the backup is not complete:\n  ${shown}${problems.length > 5 ? `\n  and ${problems.length - 5} more` : ''}`,
    'export-incomplete',
  )
  await prompts.confirm(`Restore what is in ${folder}?`)
}

/**
 * Restores the blobs that an active account has lost: it accepts blobs, but not a repository. If none is missing and
 * the backup has another repository, it throws.
 */
const restoreIntoActive = async (restoration: Restoration, status: Status): Promise<number> => {
  const { context, admin, here, backup } = restoration
  const same = (await manifestHere(admin)).data === backup.facts.data
  const complete = status.blobs.stored >= status.blobs.expected
  const base = { did: here.did, from: backup.folder }
  if (complete && same) {
    context.out.result(
      { ok: true, ...base, already: true },
      `${here.handle} (${here.did}) is here already, active and complete.`,
    )
    return EXIT.ok
  }
  if (complete)
    throw new CliError(
      'account-active',
      `the account is active here (rev ${status.repo.rev}), and the backup is of rev ${backup.facts.rev}`,
    )
  const lost = await restoreBlobs(restoration, await signInAsOwner(context, here))
  await here.resume.clear()
  const { next } = await getStatus(admin)
  context.out.result(
    { ok: lost.length === 0, ...base, lost, activated: true, next },
    `The blobs of ${here.handle} were restored; the account is active, so its repository stays as it is.\n${next}`,
  )
  return lost.length === 0 ? EXIT.ok : EXIT.problems
}

/** Returns whether the account was activated. It is left to `pds activate` if a signed operation was not submitted. */
const confirmActivation = async (restoration: Restoration, { unsubmitted }: Status): Promise<boolean> => {
  const { context, admin, here } = restoration
  if (unsubmitted.length > 0) return false
  try {
    await context.prompts.confirm(`Activate ${here.handle} on ${here.origin} now?`)
  } catch (cause) {
    if (cause instanceof CliError && cause.code === 'not-confirmed') return false
    throw cause
  }
  await orServerError(admin.com.atproto.server.activateAccount(), { InvalidRequest: 'did-elsewhere' })
  reportStep(restoration, 'Active', here.origin)
  return true
}

/**
 * `pds import --from <folder>`: restores the account of a backup on this server. Each step may be repeated. The account
 * is activated last, when everything is here.
 */
export async function restore(context: Context, folder: string): Promise<number> {
  const { admin, here, status } = await openLocalAccount(context)
  const state = stateOf(status)
  // A new server accepts the account only with a token by the account's key: without the key nothing can begin.
  const key = state === 'absent' ? await findSigningKey(context, status) : undefined
  const ours = key?.did ?? signingKeyOf(await serverCredentials(admin))
  const named = status.identity.signingKey
  const keys = named === undefined || named === ours || !isPublicKey(named) ? [ours] : [ours, named]
  const backup = await readBackup(context, folder, { did: here.did, keys })
  const restoration: Restoration = { context, admin, here, backup, ours }
  const { facts, problems } = backup
  reportStep(
    restoration,
    'Backup',
    `${count(facts.records, 'record')}, ${count(facts.blobs.size, 'blob')}${problems.length > 0 ? '; not complete' : ', verified'}`,
  )
  if (state === 'active') return await restoreIntoActive(restoration, status)
  if (state === 'moved')
    throw new CliError('account-active', 'the account is still active here, and its DID names another PDS', {
      next: 'run `pds deactivate`, then the same command again',
    })
  const isOwners = await wasActivated(admin, status)
  await confirmFoundAccount(context, here, status, isOwners)
  await confirmIncomplete(context, backup)
  const owner = key
    ? await createAccount(context, here, () => signAccountToken(context, here, key), {
        InvalidToken: 'import-refused',
        ExpiredToken: 'import-refused',
      })
    : await signInAsOwner(context, here)
  reportStep(restoration, 'Account', key ? `${here.handle} created, deactivated for now` : 'is here already')
  await restoreRepo(restoration, owner, status)
  const lost = await restoreBlobs(restoration, owner)
  await restorePreferences(restoration, owner)
  await verifyRestored(restoration)
  const after = await getStatus(admin)
  const obstacle = await activationObstacle(restoration, after)
  if (obstacle)
    throw new CliError('did-elsewhere', `everything is restored, but not activated: ${obstacle.why}`, {
      next: obstacle.next,
    })
  const activated = await confirmActivation(restoration, after)
  if (activated && !isOwners) reportStep(restoration, 'Sessions', SESSIONS_ENDED)
  await here.resume.clear()
  // The next run may find the account, not active yet: it is not a stranger's.
  if (!activated) await here.resume.write({ creating: true })
  const end = await getStatus(admin)
  const next = activated ? end.next : 'check it with `pds status`, then run `pds activate`'
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
    `${here.handle} is restored on ${here.origin}${activated ? ', and active' : '; it is not active yet'}.\nNext: ${next}`,
  )
  return ok ? EXIT.ok : EXIT.problems
}
