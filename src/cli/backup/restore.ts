import { isPublicKey } from '../../crypto/publicKey.ts'
import { orServerError } from '../servers/serverErrors.ts'
import type { Context } from '../command.ts'
import { type Status, stateOf, getStatus } from '../servers/status.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { count } from '../terminal/output.ts'
import { serverCredentials, signingKeyOf } from '../servers/serverCredentials.ts'
import { SESSIONS_ENDED, wasActivated } from '../servers/wasActivated.ts'
import { findingText, openBackup, verifyBackup } from './openBackup.ts'
import { manifestHere } from './repositoryHere.ts'
import {
  confirmFoundAccount,
  createAccount,
  forgetCreating,
  openRestoredAccount,
  signInAsOwner,
} from './restoredAccount.ts'
import {
  reportStep,
  type Restoration,
  restoreBlobs,
  restorePreferences,
  restoreRepo,
  verifyRestored,
} from './restoreSteps.ts'
import { giveUpKept } from '../servers/retention.ts'
import { findSigningKey, signAccountToken } from './signingKey.ts'

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
  const why = `${did} names ${identity.pds ?? 'no PDS'}, not this server`
  if (did.startsWith('did:plc:'))
    return {
      why,
      next: `to move the account back from there: \`pds import --from ${identity.pds ?? '<host>'}\`; if that server is gone: have your recovery key sign an operation that names ${origin} and ${ours}, then run \`pds activate\``,
    }
  const named = signingKeyOf(await serverCredentials(admin)).replace('did:key:', '')
  return {
    why,
    next: `in its did.json set serviceEndpoint of #atproto_pds to ${origin} and publicKeyMultibase of #atproto to ${named}, then run \`pds activate\``,
  }
}

/** Verifies the folder, before anything of it is sent. Throws if the repository in it does not verify. */
const readVerified = async (
  context: Context,
  archive: Restoration['archive'],
  keys: readonly string[],
): Promise<Pick<Restoration, 'facts' | 'intact' | 'hasPreferences' | 'problems'>> => {
  const { findings, facts, intact } = await verifyBackup(context, archive, keys)
  if (!facts) {
    const about = findings.find(({ file }) => archive.file('repo').endsWith(file))
    throw new CliError('bad-backup', `${about?.file ?? 'repo.car'}: ${about?.detail ?? 'it does not verify'}`)
  }
  const isDamaged = findings.some(({ file }) => archive.file('preferences').endsWith(file))
  const hasPreferences = !isDamaged && (await archive.preferences()) !== undefined
  const lost = archive.facts.lostBlobs.filter((cid) => facts.blobs.has(cid) && !intact.has(cid))
  const problems = [
    ...findings.filter(({ problem }) => problem !== 'extra').map(findingText),
    ...lost.map((cid) => `the blob ${cid} was lost before the backup was made`),
    ...(hasPreferences || isDamaged ? [] : ['the preferences are missing']),
  ]
  return { facts, intact, hasPreferences, problems }
}

/** Tells the user what is wrong with the folder, and asks whether to continue, before anything happens. */
const confirmIncomplete = async ({ context, archive, problems }: Restoration): Promise<void> => {
  if (problems.length === 0) return
  const shown = problems.slice(0, 5).join('\n  ')
  context.out.warn(
    `the backup is not complete:\n  ${shown}${problems.length > 5 ? `\n  and ${problems.length - 5} more` : ''}`,
    'backup-incomplete',
  )
  await context.prompts.confirm(`Restore what is in ${archive.folder}?`)
}

/**
 * Restores the blobs that an active account has lost: it accepts blobs, but not a repository. If none is missing and
 * the backup has another repository, it throws.
 */
const restoreIntoActive = async (restoration: Restoration, status: Status): Promise<number> => {
  const { context, admin, here, archive, facts } = restoration
  const same = (await manifestHere(admin)).data === facts.data
  const complete = status.blobs.stored >= status.blobs.expected
  const base = { did: here.did, from: archive.folder }
  if (complete && same) {
    await forgetCreating(here)
    context.out.result(
      { ok: true, ...base, already: true, data: facts.data },
      `${here.handle} (${here.did}) is here already, active, complete, and with the tree of the backup.`,
    )
    return EXIT.ok
  }
  if (complete)
    throw new CliError(
      'account-active',
      `the account is active here (rev ${status.repo.rev}), and the backup is of rev ${facts.rev}`,
    )
  const owner = await signInAsOwner(context, here)
  const lost = await restoreBlobs(restoration, owner)
  await owner.logout().catch(() => {})
  await forgetCreating(here)
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
 * `pds restore <dir>`: brings this server to the state of a backup. Each step may be repeated. The account is activated
 * last, when everything is here and was compared. `handle` is what the user typed to replace what is kept after a move.
 */
export async function restore(
  context: Context,
  dir: string,
  { handle, maxRequestBytes }: { handle?: string | undefined; maxRequestBytes?: number | undefined } = {},
): Promise<number> {
  const archive = await openBackup(context, dir)
  const { admin, here, status } = await openRestoredAccount(context)
  if (archive.did !== here.did)
    throw new CliError(
      'wrong-account',
      `${archive.folder} is the backup of ${archive.did}, and this server is for ${here.did}`,
    )
  const state = stateOf(status)
  // A new server accepts the account only with a token by the account's key: without the key nothing can begin.
  const key = state === 'absent' ? await findSigningKey(context, status, archive) : undefined
  const ours = key?.did ?? signingKeyOf(await serverCredentials(admin))
  const named = status.identity.signingKey
  const keys = named === undefined || named === ours || !isPublicKey(named) ? [ours] : [ours, named]
  const verified = await readVerified(context, archive, keys)
  const restoration: Restoration = { context, admin, here, archive, ours, maxRequestBytes, ...verified }
  const { facts, problems } = restoration
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
  await confirmIncomplete(restoration)
  await giveUpKept(context, admin, { status, given: handle })
  const owner = key
    ? await createAccount(context, here, () => signAccountToken(context, here, key))
    : await signInAsOwner(context, here)
  reportStep(restoration, 'Account', key ? `${here.handle} created, deactivated for now` : 'is here already')
  await restoreRepo(restoration, owner, status)
  const lost = await restoreBlobs(restoration, owner)
  await restorePreferences(restoration, owner)
  await verifyRestored(restoration, owner)
  await owner.logout().catch(() => {})
  const after = await getStatus(admin)
  const obstacle = await activationObstacle(restoration, after)
  if (obstacle)
    throw new CliError('did-elsewhere', `everything is restored, but not activated: ${obstacle.why}`, {
      next: obstacle.next,
    })
  const activated = await confirmActivation(restoration, after)
  if (activated && !isOwners) reportStep(restoration, 'Sessions', SESSIONS_ENDED)
  // Otherwise the next run may find the account, not active yet: it is not a stranger's.
  if (activated) await forgetCreating(here)
  const end = await getStatus(admin)
  const next = activated ? end.next : 'check it with `pds status`, then run `pds activate`'
  const ok = lost.length === 0 && problems.length === 0
  context.out.result(
    {
      ok,
      did: here.did,
      from: archive.folder,
      rev: end.repo.rev,
      data: facts.data,
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
