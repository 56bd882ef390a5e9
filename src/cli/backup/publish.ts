import { open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type ArchiveIndex,
  BLOBS_FOLDER,
  formatIndex,
  INCOMING_FOLDER,
  INDEX_FILE,
  type IndexedFile,
  isUnfinishedIndex,
  STATE_FILES,
} from '../../archive/archiveIndex.ts'
import { formatSums } from '../../archive/checkFiles.ts'
import { sha256File } from '../../archive/sha256File.ts'
import { digestOf } from '../../client/cid.ts'
import { CliError } from '../errors.ts'
import { writeAtomically } from '../files/files.ts'
import type { BackupFolder } from './openFolder.ts'

/** Makes sure that the names in a folder are on the disk, and not only what is in the files. */
const syncFolder = async (folder: string): Promise<void> => {
  // Windows opens no folders, and needs none of this.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The files of the state, read back from the disk. */
const readBack = async (folder: string, state: string): Promise<IndexedFile[]> => {
  const files: IndexedFile[] = []
  for (const name of Object.values(STATE_FILES)) {
    const found = await sha256File(join(folder, name))
    if (found) files.push({ path: `${state}/${name}`, ...found })
  }
  return files
}

/** A time as a part of a file's name. */
const stamp = (at: Date): string => at.toISOString().replace(/[-:]|\.\d+/g, '')

/**
 * Makes the state that was written the archive: it is put in its place, and then the index is replaced, in one step.
 * Before that step the folder has the archive that it had; after it, this one. Returns the index.
 */
export async function publish(
  { folder, state: incomingState }: BackupFolder,
  about: Omit<ArchiveIndex, 'state' | 'files'>,
  blobs: ReadonlyMap<string, number>,
  random: (length: number) => Uint8Array,
): Promise<ArchiveIndex> {
  const state = `state-${stamp(new Date(about.createdAt))}-${Buffer.from(random(4)).toString('hex')}`
  const blobFiles = [...blobs]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([cid, size]) => ({
      path: `${BLOBS_FOLDER}/${cid}`,
      size,
      sha256: Buffer.from(digestOf(cid)).toString('hex'),
    }))
  const names: readonly string[] = Object.values(STATE_FILES)
  for (const name of await readdir(incomingState))
    if (!names.includes(name) || name === STATE_FILES.sums)
      await rm(join(incomingState, name), { force: true })
  const files = [...(await readBack(incomingState, state)), ...blobFiles]
  await writeAtomically(join(incomingState, STATE_FILES.sums), formatSums(state, files))
  const sums = await sha256File(join(incomingState, STATE_FILES.sums))
  if (!sums) throw new CliError('internal', 'SHA256SUMS is gone after it was written')
  const index: ArchiveIndex = {
    ...about,
    state,
    files: [...files, { path: `${state}/${STATE_FILES.sums}`, ...sums }],
  }
  await rename(incomingState, join(folder, state))
  await syncFolder(join(folder, state))
  await syncFolder(join(folder, BLOBS_FOLDER))
  await syncFolder(folder)
  await writeAtomically(join(folder, INDEX_FILE), formatIndex(index), 0o600)
  await syncFolder(folder)
  return index
}

/** The files of a folder that `pds export` wrote, besides its blobs. */
const EXPORT_FILES = [
  'repo.car',
  'repo.car.part',
  'blobs.jsonl',
  'preferences.json',
  'plc-log.json',
  'manifest.jws',
]

/** Whether a file is a blob, or the beginning of one. Anything else is somebody's, who has put it there. */
const isOurs = (name: string): boolean => /^b[a-z2-7]{58}(\.[0-9a-f]+\.part)?$/.test(name)

/** Deletes what is not of the archive any more: earlier states, blobs that no record refers to, an interrupted run. */
export async function tidy(folder: string, { state, files }: ArchiveIndex): Promise<void> {
  const kept = new Set(files.map(({ path }) => path))
  for (const name of await readdir(join(folder, BLOBS_FOLDER)))
    if (isOurs(name) && !kept.has(`${BLOBS_FOLDER}/${name}`))
      await rm(join(folder, BLOBS_FOLDER, name), { force: true })
  for (const name of await readdir(folder))
    if (
      (name.startsWith('state-') && name !== state) ||
      EXPORT_FILES.includes(name) ||
      isUnfinishedIndex(name)
    )
      await rm(join(folder, name), { recursive: true, force: true })
  // The last: while it is there, what was not deleted yet counts as left over.
  await rm(join(folder, INCOMING_FOLDER), { recursive: true, force: true })
}
