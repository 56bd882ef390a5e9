import { openAsBlob } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Secret } from '../crypto/secret.ts'
import { isObject } from '../isObject.ts'
import type { VerifiedLog } from '../plc/types.ts'
import { ArchiveError } from './archiveError.ts'
import { type ArchiveIndex, BLOBS_FOLDER, INDEX_FILE, parseIndex, STATE_FILES } from './archiveIndex.ts'
import { type ArchivedSecrets, decryptSecrets } from './archivedSecrets.ts'
import { readHeadOfCar } from './headOfCar.ts'
import {
  type BlobEntry,
  parseBlobList,
  parseJson,
  parseLog,
  parsePreferences,
  type Preferences,
} from './stateFiles.ts'

/** A blob of an archive. */
export interface ArchivedBlob extends BlobEntry {
  /** Its bytes, read from the disk as they are asked for. The hash is not checked: `verifyArchive` does that. */
  open(): Promise<Blob>
}

/** What an archive says of the account. */
export interface ArchiveFacts extends Pick<ArchiveIndex, 'did' | 'rev' | 'commit' | 'data'> {
  handle: string | undefined
  /** Origin of the server that it was made from. */
  pds: string | undefined
  /** In ISO 8601. */
  createdAt: string | undefined
  /** CIDs of blobs that records refer to and that the server did not have. */
  lostBlobs: readonly string[]
}

/** A backup of an account in a folder. What it gives is as it is on the disk; `verifyArchive` says whether it is intact. */
export interface Archive {
  readonly folder: string
  readonly did: string
  readonly facts: ArchiveFacts
  /** Undefined for a folder that `pds export`, the command before `pds backup`, wrote. */
  readonly index: ArchiveIndex | undefined
  /** Whether it has the owner's keys. */
  readonly hasSecrets: boolean
  /** The path of one of its files; it may not be there. */
  file(name: keyof typeof STATE_FILES): string
  /** The repository as a CAR. Read from the disk, in any number of streams, and with its length (`size`). */
  repo(): Promise<Blob>
  /** The blobs that are there, in the order of the list. */
  blobs(): AsyncGenerator<ArchivedBlob, void, undefined>
  /** Undefined if there are none. */
  preferences(): Promise<Preferences | undefined>
  /** Verified from the genesis, with nullified operations. Undefined for a did:web. */
  plcLog(): Promise<VerifiedLog | undefined>
  /** The DID document as it was, unverified. Undefined in a folder of `pds export`. */
  didDocument(): Promise<unknown>
  /** Decrypts the owner's keys. Throws `NoSecrets` or `WrongPassphrase`. */
  secrets(passphrase: Secret): Promise<ArchivedSecrets>
}

const isNoSuchFile = (cause: unknown): boolean => isObject(cause) && cause['code'] === 'ENOENT'

/** Undefined if there is no such file. */
const read = async (file: string): Promise<Buffer | undefined> => {
  try {
    return await readFile(file)
  } catch (cause) {
    if (isNoSuchFile(cause)) return undefined
    throw cause
  }
}

const sizeOf = async (file: string): Promise<number | undefined> => {
  try {
    const found = await stat(file)
    return found.isFile() ? found.size : undefined
  } catch (cause) {
    if (isNoSuchFile(cause)) return undefined
    throw cause
  }
}

const readFacts = async (folder: string, index: ArchiveIndex | undefined): Promise<ArchiveFacts> => {
  if (index) {
    const { did, handle, pds, createdAt, rev, commit, data, blobs } = index
    return { did, handle, pds, createdAt, rev, commit, data, lostBlobs: blobs.lost }
  }
  const head = await readHeadOfCar(join(folder, STATE_FILES.repo))
  return { ...head, handle: undefined, pds: undefined, createdAt: undefined, lostBlobs: [] }
}

/**
 * Opens the folder of a backup: one that `pds backup` wrote, or `pds export` before it. Throws `ArchiveError` if it is
 * neither.
 */
export async function openArchive(folder: string): Promise<Archive> {
  const indexFile = join(folder, INDEX_FILE)
  const text = (await read(indexFile))?.toString('utf8')
  const index = text === undefined ? undefined : parseIndex(text, indexFile)
  const file: Archive['file'] = (name) => join(folder, index?.state ?? '', STATE_FILES[name])
  if (!index && (await sizeOf(file('repo'))) === undefined)
    throw new ArchiveError(
      'NotAnArchive',
      `${folder} is not a backup: it has neither ${INDEX_FILE} nor ${STATE_FILES.repo}`,
    )
  const facts = await readFacts(folder, index)
  const textOf = async (name: keyof typeof STATE_FILES) => (await read(file(name)))?.toString('utf8')
  const { did } = facts

  async function* blobs(): AsyncGenerator<ArchivedBlob, void, undefined> {
    for (const entry of parseBlobList((await textOf('blobs')) ?? '').values()) {
      const path = join(folder, BLOBS_FOLDER, entry.cid)
      const size = await sizeOf(path)
      if (size !== undefined) yield { ...entry, size, open: () => openAsBlob(path) }
    }
  }

  return {
    folder,
    did,
    facts,
    index,
    hasSecrets: (await sizeOf(file('keys'))) !== undefined,
    file,
    repo: () => openAsBlob(file('repo')),
    blobs,
    preferences: async () => {
      const found = await textOf('preferences')
      return found === undefined ? undefined : parsePreferences(found, file('preferences'))
    },
    plcLog: async () => {
      const found = await textOf('plcLog')
      return found === undefined ? undefined : await parseLog(did, found, file('plcLog'))
    },
    didDocument: async () => {
      const found = await textOf('didDocument')
      return found === undefined ? undefined : parseJson(found, file('didDocument'))
    },
    secrets: async (passphrase) => {
      const found = await read(file('keys'))
      if (!found) throw new ArchiveError('NoSecrets', `${folder} has no keys: there was no key file`)
      return await decryptSecrets(found, passphrase, file('keys'))
    },
  }
}
