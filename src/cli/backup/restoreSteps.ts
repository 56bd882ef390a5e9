import { openAsBlob } from 'node:fs'
import { join } from 'node:path'
import { BLOBS_FOLDER } from '../../archive/archiveIndex.ts'
import type { CarFacts } from '../../archive/carFile.ts'
import type { Archive } from '../../archive/openArchive.ts'
import type { Client } from '../../client/index.ts'
import { orServerError } from '../servers/serverErrors.ts'
import type { Context } from '../command.ts'
import type { Status } from '../servers/status.ts'
import { CliError } from '../errors.ts'
import { count, firstFew } from '../terminal/output.ts'
import { parallel } from '../../parallel.ts'
import { compareRestored } from './compareRestored.ts'
import { manifestHere, missingBlobs, sendRepo } from './repositoryHere.ts'
import type { RestoredAccount } from './restoredAccount.ts'

/** What the steps of restoring a backup share. Each of them may be repeated. */
export interface Restoration {
  context: Context
  admin: Client
  here: RestoredAccount
  archive: Archive
  /** The repository in the backup, which verifies. */
  facts: CarFacts
  /** CIDs of the blobs whose files are intact. */
  intact: ReadonlySet<string>
  /** Whether the preferences in the backup are as they were written. */
  hasPreferences: boolean
  /** How the folder differs from a complete backup, as sentences. */
  problems: readonly string[]
  /** did:key of this server's signing key. */
  ours: string
  /** The most bytes that the server takes in one request; 100 MB. A larger repository is sent in parts. */
  maxRequestBytes?: number | undefined
}

/** Prints that a step is done. */
export const reportStep = ({ context }: Pick<Restoration, 'context'>, step: string, what: string): void =>
  context.out.note(`${context.out.paint('green', '✓')} ${step.padEnd(12)} ${what}`)

/**
 * Restores the repository. It asks first if another one is here, because records that only that one has would be lost.
 */
export const restoreRepo = async (
  restoration: Restoration,
  owner: Client,
  { repo }: Status,
): Promise<void> => {
  const { context, admin, archive, facts } = restoration
  const isOther = repo.records > 0 && (await manifestHere(admin)).data !== facts.data
  if (isOther)
    await context.prompts.confirm(
      `Another repository is here: ${count(repo.records, 'record')}, rev ${repo.rev}. Replace it with that of the backup: ${count(facts.records, 'record')}, rev ${facts.rev}?`,
    )
  const sent = await sendRepo(context, {
    owner,
    admin,
    carFile: archive.file('repo'),
    facts,
    maxRequestBytes: restoration.maxRequestBytes,
  })
  reportStep(
    restoration,
    'Repository',
    `${count(facts.records, 'record')}, rev ${facts.rev}${sent ? '' : ' (was here already)'}`,
  )
}

const PARALLEL_BLOBS = 3

/** Restores the blobs that are missing here. Returns the CIDs of those that are missing in the folder too. */
export const restoreBlobs = async (restoration: Restoration, owner: Client): Promise<string[]> => {
  const { context, archive, intact } = restoration
  const missing = await missingBlobs(owner)
  const total = missing.size
  const types = new Map<string, string>()
  if (total > 0) for await (const { cid, mimeType } of archive.blobs()) types.set(cid, mimeType)
  let sent = 0
  const progress = context.out.progress('Blobs')
  await parallel(missing, PARALLEL_BLOBS, async (cid) => {
    context.io.signal.throwIfAborted()
    if (!intact.has(cid)) return
    const body = await openAsBlob(join(archive.folder, BLOBS_FOLDER, cid))
    const encoding = types.get(cid) ?? 'application/octet-stream'
    const { blob } = await orServerError(owner.com.atproto.repo.uploadBlob({ encoding, body }))
    if (blob.ref.$link !== cid)
      throw new CliError('bad-backup', `${BLOBS_FOLDER}/${cid} changed while it was sent`)
    progress.to(++sent, total)
  })
  if (total > 0) progress.end()
  const lost = total > 0 ? [...(await missingBlobs(owner))] : []
  reportStep(
    restoration,
    'Blobs',
    `${count(sent, 'blob')} restored${lost.length > 0 ? `, ${lost.length} missing` : ''}`,
  )
  if (lost.length > 0)
    context.out.warn(
      `neither this server nor the backup has ${count(lost.length, 'blob')}: ${firstFew(lost)}`,
      'copy-incomplete',
    )
  return lost
}

/** Restores the preferences, if the backup has any that are intact. */
export const restorePreferences = async (restoration: Restoration, owner: Client): Promise<void> => {
  const { archive, hasPreferences } = restoration
  const preferences = hasPreferences ? await archive.preferences() : undefined
  if (preferences) await orServerError(owner.app.bsky.actor.putPreferences({ preferences }))
  reportStep(
    restoration,
    'Preferences',
    preferences ? count(preferences.length, 'preference') : 'not in the backup',
  )
}

/** Throws if the server does not have what the backup has. */
export const verifyRestored = async (restoration: Restoration, owner: Client): Promise<void> => {
  const { admin, archive, facts, hasPreferences: withPreferences } = restoration
  // A blob that this server has and the folder lacks is not a difference: it is here.
  const { intact } = restoration
  const { differences, sameCommit } = await compareRestored({ admin, owner }, archive, {
    facts,
    intact,
    withPreferences,
  })
  const [first, ...more] = differences.filter((text) => !text.endsWith('and not in the backup'))
  if (first !== undefined)
    throw new CliError(
      'copy-incomplete',
      `${first}${more.length > 0 ? `, and ${more.length} more differences` : ''}; it was not activated`,
    )
  reportStep(
    restoration,
    'Verified',
    `the same tree (${facts.data}), ${sameCommit ? 'the same commit, ' : ''}${count(intact.size, 'blob')} with size and type, preferences`,
  )
}
