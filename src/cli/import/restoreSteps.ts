import { openAsBlob } from 'node:fs'
import type { Client } from '../../client/index.ts'
import { orServerError } from '../servers/serverErrors.ts'
import type { Context } from '../command.ts'
import type { Status } from '../servers/status.ts'
import { CliError } from '../errors.ts'
import { count, firstFew } from '../terminal/output.ts'
import { parallel } from '../../parallel.ts'
import type { LocalAccount } from './localAccount.ts'
import type { Backup } from './backup.ts'
import { isSameTree, missingBlobs, manifestHere, sendRepo } from './copy.ts'
import { reportStep } from './reportStep.ts'

/** What the steps of restoring a backup share. Each of them may be repeated. */
export interface Restoration {
  context: Context
  admin: Client
  here: LocalAccount
  backup: Backup
  /** did:key of this server's signing key. */
  ours: string
}

/**
 * Restores the repository. It asks first if another one is here, because records that only that one has would be lost.
 */
export const restoreRepo = async (
  restoration: Restoration,
  owner: Client,
  { repo }: Status,
): Promise<void> => {
  const { context, admin, backup } = restoration
  const { facts, carFile } = backup
  const isOther = repo.records > 0 && (await manifestHere(admin)).data !== facts.data
  if (isOther)
    await context.prompts.confirm(
      `Another repository is here: ${count(repo.records, 'record')}, rev ${repo.rev}. Replace it with that of the backup: ${count(facts.records, 'record')}, rev ${facts.rev}?`,
    )
  const sent = await sendRepo(owner, admin, carFile, facts)
  reportStep(
    restoration,
    'Repository',
    `${count(facts.records, 'record')}, rev ${facts.rev}${sent ? '' : ' (was here already)'}`,
  )
}

const PARALLEL_BLOBS = 3

/** Restores the blobs that are missing here. Returns the CIDs of those that are missing in the folder too. */
export const restoreBlobs = async (restoration: Restoration, owner: Client): Promise<string[]> => {
  const { context, backup } = restoration
  const { store, intact, mimeTypes } = backup
  const missing = await missingBlobs(owner)
  const total = missing.size
  let sent = 0
  const progress = context.out.progress('Blobs')
  await parallel(missing, PARALLEL_BLOBS, async (cid) => {
    context.io.signal.throwIfAborted()
    // An active account may lack blobs that the repository in the folder no longer refers to; their files may be there.
    if (!intact.has(cid) && (await store.storedSize(cid)) === undefined) return
    const body = await openAsBlob(store.file(cid))
    const encoding = mimeTypes.get(cid) ?? 'application/octet-stream'
    const { blob } = await orServerError(owner.com.atproto.repo.uploadBlob({ encoding, body }))
    if (blob.ref.$link !== cid)
      throw new CliError('bad-backup', `${store.file(cid)} changed while it was sent`)
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

/** Restores the preferences, if the backup has any. */
export const restorePreferences = async (restoration: Restoration, owner: Client): Promise<void> => {
  const { preferences } = restoration.backup
  if (preferences) await orServerError(owner.app.bsky.actor.putPreferences({ preferences }))
  reportStep(
    restoration,
    'Preferences',
    preferences ? count(preferences.length, 'preference') : 'not in the backup',
  )
}

/** Throws if the server does not have what the repository and the manifest of the backup say. */
export const verifyRestored = async (restoration: Restoration): Promise<void> => {
  const { admin, backup } = restoration
  const { facts, manifest, problems } = backup
  const tree = await manifestHere(admin)
  const blobs = JSON.stringify(tree.blobs)
  const expected = JSON.stringify(manifest?.blobs)
  if (!isSameTree(tree, facts))
    throw new CliError(
      'copy-incomplete',
      'the repository here is not that of the backup; it was not activated',
    )
  if (problems.length === 0 && blobs !== expected)
    throw new CliError(
      'copy-incomplete',
      `the blobs here are ${blobs}, the manifest of the backup says ${expected}; it was not activated`,
    )
  reportStep(
    restoration,
    'Verified',
    manifest ? 'everything that the manifest counts' : 'the same tree; there is no manifest',
  )
}
