import { link, copyFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { STATE_FILES } from '../../archive/archiveIndex.ts'
import { compareWithManifest } from '../../archive/compareWithManifest.ts'
import type { Client } from '../../client/index.ts'
import type { Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { isNoSuchFile, writeAtomically } from '../files/files.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { serverCredentials, signingKeyOf } from '../servers/serverCredentials.ts'
import { getStatus, type Status, stateOf } from '../servers/status.ts'
import { bytes, count } from '../terminal/output.ts'
import { backupBlobList, backupBlobs, type BackedUpBlobs } from './backupBlobs.ts'
import { backupIdentity } from './backupIdentity.ts'
import { type BackedUpKeys, backupKeys } from './backupKeys.ts'
import { type BackedUpRepo, backupRepo } from './backupRepo.ts'
import { type BackupFolder, openFolder } from './openFolder.ts'
import { publish, tidy } from './publish.ts'

export interface BackupFlags {
  /** Leave the keys out. */
  withoutKeys: boolean
  /** Ask for a passphrase although the keys of the earlier archive could be taken over. */
  newPassphrase: boolean
}

/** What `backup` wrote, verified. */
interface Made {
  repo: BackedUpRepo
  blobs: BackedUpBlobs
  preferences: number
  head: string
  keys: BackedUpKeys
  problems: string[]
}

/** Takes the repository of the earlier archive over: if nothing was written since, it is not fetched again. */
const takeOver = async ({ state, earlier }: BackupFolder): Promise<void> => {
  if (!earlier) return
  const target = join(state, STATE_FILES.repo)
  try {
    await link(earlier.file('repo'), target)
  } catch (cause) {
    if (isNoSuchFile(cause)) return
    // There is one already, of a run that was killed; or the file system has no links.
    await copyFile(earlier.file('repo'), target)
  }
}

/** Below half of what it was, and not by a few: an account that was emptied must not empty its backup unasked. */
const MIN_SHRUNK_BY = 20
const confirmShrunk = async ({ prompts }: Context, { earlier }: BackupFolder, { repo }: Status) => {
  const before = earlier?.index?.records ?? 0
  if (repo.records * 2 >= before || before - repo.records < MIN_SHRUNK_BY) return
  await prompts.confirm(
    `The account has ${count(repo.records, 'record')}, and this backup ${count(before, 'record')}, of which most will be deleted. Replace it?`,
  )
}

const make = async (
  context: Context,
  server: Client,
  target: BackupFolder,
  { status, ours, flags }: { status: Status; ours: string; flags: BackupFlags },
): Promise<Made> => {
  const { did, handle, identity } = status
  const file = (name: keyof typeof STATE_FILES) => join(target.state, STATE_FILES[name])
  // The keys first: the passphrase is asked for while somebody is there.
  const keys = flags.withoutKeys
    ? { keys: undefined, file: undefined }
    : await backupKeys(context, target, { did, handle, signingKey: ours }, { renew: flags.newPassphrase })
  await takeOver(target)
  const repo = await backupRepo(context, server, {
    did,
    file: file('repo'),
    keys: { ours, named: identity.signingKey },
  })
  const listed = await backupBlobList(server, file('blobs'))
  const blobs = await backupBlobs(context, server, {
    did,
    folder: join(target.folder, 'blobs'),
    needed: repo.facts.blobs,
    listed,
  })
  const preferences = await orServerError(server.app.bsky.actor.getPreferences())
  await writeAtomically(file('preferences'), `${JSON.stringify(preferences, null, 2)}\n`, 0o600)
  const head = await backupIdentity(context, target.state, did)
  await writeAtomically(file('manifest'), `${repo.manifest}\n`)
  const { claims } = repo
  const problems = [
    ...compareWithManifest(repo),
    ...blobs.lost.map((cid) => `the blob ${cid} is lost: the server does not have it`),
  ]
  if (claims.blobs.count !== blobs.sizes.size)
    problems.push(
      `${blobs.sizes.size} blobs, the manifest says ${claims.blobs.count} of ${listed.length} listed`,
    )
  else if (claims.blobs.bytes !== blobs.bytes)
    problems.push(`blobs of ${blobs.bytes} bytes, the manifest says ${claims.blobs.bytes}`)
  return { repo, blobs, preferences: preferences.preferences.length, head, keys, problems }
}

const keysLine = ({ keys, file }: BackedUpKeys): string =>
  keys ? `encrypted with the passphrase, from ${file ?? '?'}` : 'NOT in the backup'

/** What the owner must know if the keys are not in the backup. */
const warnOfKeys = ({ out, globals }: Context, { keys }: BackedUpKeys, withoutKeys: boolean): void => {
  if (keys || globals.dev) return
  out.warn(
    withoutKeys
      ? 'the keys were left out. Without them the account cannot be restored from this backup, and a Worker’s secrets cannot be read back: keep the key file elsewhere.'
      : 'no key file with this server’s signing key was found next to wrangler.toml, so there are no keys in the backup. Without them the account cannot be restored from it, and a Worker’s secrets cannot be read back.',
  )
}

const report = ({ out }: Context, made: MadeBackup): number => {
  const { folder, repo, blobs, preferences, head, keys, problems } = made
  const { facts } = repo
  const ok = problems.length === 0
  const verdict = ok ? out.paint('green', 'Complete and verified') : out.paint('red', 'Not complete')
  const how = { reused: ' (was there already)', merged: ' (only what is new was fetched)', fetched: '' }[
    repo.how
  ]
  const text = [
    `${verdict}: ${folder}`,
    `  repository   ${count(facts.records, 'record')}, rev ${facts.rev}${how}`,
    `  blobs        ${count(blobs.sizes.size, 'blob')}, ${bytes(blobs.bytes)}, ${blobs.fetched} fetched now`,
    `  preferences  ${preferences}`,
    ...(head ? [`  PLC log      head ${head}`] : []),
    `  commit       ${facts.root}, with a signed manifest`,
    `  keys         ${keysLine(keys)}`,
    ...problems.map((problem) => `  ${problem}`),
    'Check it at any time, without a network: pds backup verify <dir>',
  ].join('\n')
  const result = {
    ok,
    did: repo.claims.iss,
    folder,
    rev: facts.rev,
    commit: facts.root,
    records: facts.records,
    blobs: { count: blobs.sizes.size, bytes: blobs.bytes, fetched: blobs.fetched, lost: blobs.lost },
    repository: repo.how,
    head,
    keys: keys.keys !== undefined,
    keyBackup: keys.file ?? null,
  }
  out.result(ok ? result : { ...result, problems }, text, ok ? undefined : 'backup-incomplete')
  return ok ? EXIT.ok : EXIT.problems
}

/** What a backup has made, and where. */
export interface MadeBackup extends Made {
  folder: string
}

/** Makes the folder the archive of the account as it is now. */
export async function makeBackup(context: Context, dir: string, flags: BackupFlags): Promise<MadeBackup> {
  const { io } = context
  const folder = resolve(io.cwd, dir)
  const server = await context.admin()
  const status = await getStatus(server)
  if (stateOf(status) === 'absent')
    throw new CliError('account-absent', 'there is no account here to back up')
  const target = await openFolder(folder, status.did)
  try {
    await confirmShrunk(context, target, status)
    const ours = signingKeyOf(await serverCredentials(server))
    const made = await make(context, server, target, { status, ours, flags })
    const { facts } = made.repo
    const index = await publish(
      target,
      {
        did: status.did,
        handle: status.handle,
        pds: context.address().origin,
        createdAt: new Date(io.now()).toISOString(),
        rev: facts.rev,
        commit: facts.root,
        data: facts.data,
        records: facts.records,
        signingKey: ours,
        blobs: { count: made.blobs.sizes.size, bytes: made.blobs.bytes, lost: made.blobs.lost },
        ...(made.keys.keys ? { keys: made.keys.keys } : {}),
      },
      made.blobs.sizes,
      io.random,
    )
    await tidy(folder, index)
    warnOfKeys(context, made.keys, flags.withoutKeys)
    return { ...made, folder }
  } finally {
    await target.release()
  }
}

/** `pds backup <dir>`. */
export const backup = async (context: Context, dir: string, flags: BackupFlags): Promise<number> =>
  report(context, await makeBackup(context, dir, flags))
