import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { BLOBS_FOLDER, INCOMING_FOLDER, INDEX_FILE, STATE_FILES } from '../../archive/archiveIndex.ts'
import { ArchiveError } from '../../archive/archiveError.ts'
import { type Archive, openArchive } from '../../archive/openArchive.ts'
import { isObject } from '../../isObject.ts'
import { CliError, messageOf } from '../errors.ts'
import { partialFile, readText, writeAtomically } from '../files/files.ts'

/** A folder that a backup is being made into. The archive in it stays whole until the next one is. */
export interface BackupFolder {
  readonly folder: string
  /** Where the files of the next state are made. */
  readonly state: string
  /** The archive that is in the folder, if there is one. */
  readonly earlier: Archive | undefined
  /** Lets the next backup begin. */
  release(): Promise<void>
}

/** Names that file managers leave, which are nobody's data. */
const isHidden = (name: string): boolean => name.startsWith('.')

const listed = async (folder: string): Promise<string[]> => {
  const names = await readdir(folder)
  return names.filter((name) => !isHidden(name))
}

const isRunning = (pid: unknown): boolean => {
  if (typeof pid !== 'number' || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return isObject(cause) && cause['code'] === 'EPERM'
  }
}

const parse = (text: string | undefined): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}

/** Two backups at once would write into each other's files. A lock whose process has ended holds nobody up. */
const lock = async (file: string): Promise<void> => {
  for (let attempt = 0; ; attempt++)
    try {
      const handle = await open(file, 'wx', 0o600)
      await handle.writeFile(JSON.stringify({ pid: process.pid, host: hostname() }))
      return await handle.close()
    } catch (cause) {
      if (!isObject(cause) || cause['code'] !== 'EEXIST' || attempt > 0) throw cause
      const { pid, host } = parse(await readText(file))
      if (host !== undefined && (host !== hostname() || isRunning(pid)))
        throw new CliError(
          'bad-folder',
          `another backup into this folder is under way (process ${String(pid)} on ${String(host)})`,
          { next: `wait for it; if there is none, delete ${file} and run the command again` },
        )
      await rm(file, { force: true })
    }
}

const notOurs = (folder: string, owner: string): CliError =>
  new CliError('bad-folder', `${folder} holds the backup of ${owner}, and this server is for another account`)

const openEarlier = async (folder: string, names: readonly string[]): Promise<Archive | undefined> => {
  if (!names.includes(INDEX_FILE) && !names.includes(STATE_FILES.repo)) return undefined
  try {
    return await openArchive(folder)
  } catch (cause) {
    if (!(cause instanceof ArchiveError)) throw cause
    // Of an export that was killed only the beginning may be there: what is whole of it is used.
    if (cause.code === 'BadFile' && !names.includes(INDEX_FILE)) return undefined
    throw new CliError('bad-folder', cause.message, {
      cause,
      next: 'keep this folder as it is, and choose another one',
    })
  }
}

/** A state that was made whole, and not yet named by the index, when an earlier run was killed. */
const adoptState = async (folder: string, state: string, current: string | undefined): Promise<void> => {
  const names = (await readdir(folder)).filter((name) => name.startsWith('state-') && name !== current)
  const [newest] = names.toSorted().toReversed()
  if (newest === undefined) return
  await rename(join(folder, newest), state).catch((cause: unknown) => {
    // There is one under way already: that is newer.
    if (!isObject(cause) || !['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(String(cause['code']))) throw cause
  })
}

/** What of an earlier run's files is used again: the repository. All else is small, and may be of another moment. */
const isKept = (name: string): boolean => [STATE_FILES.repo, partialFile(STATE_FILES.repo)].includes(name)

/**
 * Makes the folder ready, or throws `bad-folder`: it is empty, or has a backup of this account, or one of `pds export`,
 * which becomes an archive.
 */
export async function openFolder(folder: string, did: string): Promise<BackupFolder> {
  const incoming = join(folder, INCOMING_FOLDER)
  const state = join(incoming, 'state')
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const names = await listed(folder)
    const earlier = await openEarlier(folder, names)
    const owner = parse(await readText(join(incoming, 'account.json')))['did'] ?? earlier?.did
    if (typeof owner === 'string' && owner !== did) throw notOurs(folder, owner)
    const isOfBackup =
      earlier !== undefined || names.includes(INCOMING_FOLDER) || names.includes(STATE_FILES.repo)
    if (!isOfBackup && names.length > 0)
      throw new CliError('bad-folder', `${folder} is not empty, and what is in it is not a backup`, {
        next: 'choose an empty folder, or one that does not exist yet',
      })
    await mkdir(incoming, { recursive: true, mode: 0o700 })
    await mkdir(join(folder, BLOBS_FOLDER), { recursive: true, mode: 0o700 })
    const lockFile = join(incoming, 'lock')
    await lock(lockFile)
    await writeAtomically(join(incoming, 'account.json'), JSON.stringify({ did }))
    await adoptState(folder, state, earlier?.index?.state)
    await mkdir(state, { recursive: true, mode: 0o700 })
    for (const name of await readdir(state))
      if (!isKept(name)) await rm(join(state, name), { recursive: true, force: true })
    return { folder, state, earlier, release: () => rm(lockFile, { force: true }) }
  } catch (cause) {
    if (cause instanceof CliError) throw cause
    throw new CliError('bad-folder', `${folder} cannot be written to: ${messageOf(cause)}`, { cause })
  }
}
