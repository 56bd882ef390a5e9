/** What a restore puts back: repository, blobs, preferences. Each may be done again. */
import { openAsBlob } from 'node:fs'
import type { Client } from '../../client/index.ts'
import { orServerError } from '../serverErrors.ts'
import type { Context } from '../command.ts'
import type { Status } from '../status.ts'
import { CliError } from '../errors.ts'
import { count } from '../output.ts'
import type { Here } from './account.ts'
import type { Backup } from './backup.ts'
import { isSameTree, missingBlobs, ourTree, sendRepo } from './copy.ts'
import { reportStep } from './reportStep.ts'

export interface Restoration {
  context: Context
  admin: Client
  here: Here
  backup: Backup
  /** did:key of this server's signing key. */
  ours: string
}

/** Records that are here and not in the backup would be gone. */
export const restoreRepo = async (
  restoring: Restoration,
  client: Client,
  { repo }: Status,
): Promise<void> => {
  const { context, admin, backup } = restoring
  const { facts, carFile } = backup
  const isOther = repo.records > 0 && (await ourTree(admin)).data !== facts.data
  if (isOther)
    await context.prompts.confirm(
      `There is another repository here: ${count(repo.records, 'record')}, rev ${repo.rev}. Replace it with that of the backup: ${count(facts.records, 'record')}, rev ${facts.rev}?`,
    )
  const sent = await sendRepo(client, admin, carFile, facts)
  reportStep(
    restoring,
    'Repository',
    `${count(facts.records, 'record')}, rev ${facts.rev}${sent ? '' : ' (was here already)'}`,
  )
}

const PARALLEL_BLOBS = 3

/** Gives those that are neither here nor in the folder. */
export const restoreBlobs = async (restoring: Restoration, client: Client): Promise<string[]> => {
  const { context, backup } = restoring
  const { store, whole, types } = backup
  const missing = [...(await missingBlobs(client))]
  const total = missing.length
  let sent = 0
  const progress = context.out.progress('Blobs', (n) => n.toLocaleString('en-US'))
  const worker = async () => {
    for (let cid = missing.pop(); cid !== undefined; cid = missing.pop()) {
      context.io.signal.throwIfAborted()
      // An active account may miss blobs that only an earlier state of the folder referred to.
      if (!whole.has(cid) && (await store.have(cid)) === undefined) continue
      const body = await openAsBlob(store.file(cid))
      const encoding = types.get(cid) ?? 'application/octet-stream'
      const { blob } = await orServerError(client.com.atproto.repo.uploadBlob({ encoding, body }))
      if (blob.ref.$link !== cid)
        throw new CliError('bad-backup', `${store.file(cid)} changed while it was sent`)
      progress.to(++sent, total)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL_BLOBS }, worker))
  if (total > 0) progress.end()
  const lost = total > 0 ? [...(await missingBlobs(client))] : []
  reportStep(
    restoring,
    'Blobs',
    `${count(sent, 'blob')} restored${lost.length > 0 ? `, ${lost.length} missing` : ''}`,
  )
  if (lost.length > 0)
    context.out.warn(
      `neither this server nor the backup has ${count(lost.length, 'blob')}: ${lost.slice(0, 5).join(', ')}${lost.length > 5 ? ' …' : ''}`,
      'copy-incomplete',
    )
  return lost
}

export const restorePreferences = async (restoring: Restoration, client: Client): Promise<void> => {
  const { preferences } = restoring.backup
  if (preferences) await orServerError(client.app.bsky.actor.putPreferences({ preferences }))
  reportStep(
    restoring,
    'Preferences',
    preferences ? count(preferences.length, 'preference') : 'not in the backup',
  )
}

/** Against the manifest: what the server says that it has now is what the server said then. */
export const verify = async (restoring: Restoration): Promise<void> => {
  const { admin, backup } = restoring
  const { facts, manifest, problems } = backup
  const tree = await ourTree(admin)
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
    restoring,
    'Verified',
    manifest ? 'all that the manifest counts' : 'the same tree; there is no manifest',
  )
}
