import { isValidDid } from '@atproto/syntax'
import { isPublicKey } from '../crypto/publicKey.ts'
import { isObject, type JsonObject } from '../isObject.ts'
import { ArchiveError } from './archiveError.ts'

/** The file that makes a folder an archive. It is replaced last, in one step: what it does not name is not of the archive. */
export const INDEX_FILE = 'archive.json'
export const ARCHIVE_FORMAT = 'cirrus-archive'
export const ARCHIVE_VERSION = 1
/** The blobs, each in a file named by its CID. The backups that are made into one folder share them. */
export const BLOBS_FOLDER = 'blobs'
/** What a backup that is under way has made. It is there until the backup is complete, and after one that was killed. */
export const INCOMING_FOLDER = 'incoming'

/** The files of a state: what the account was at one commit. */
export const STATE_FILES = {
  repo: 'repo.car',
  blobs: 'blobs.jsonl',
  preferences: 'preferences.json',
  plcLog: 'plc-log.json',
  didDocument: 'did.json',
  manifest: 'manifest.jws',
  keys: 'keys.age',
  sums: 'SHA256SUMS',
} as const

/** An index that was not put in its place: a backup was killed while it wrote it. */
export const isUnfinishedIndex = (name: string): boolean => /^archive\.json\.[0-9a-f]+\.part$/.test(name)

/** A file of an archive, as its index lists it. */
export interface IndexedFile {
  /** Relative to the folder, with `/`. */
  path: string
  /** In bytes. */
  size: number
  /** In hex. */
  sha256: string
}

/** What an archive says about itself. Nothing of it is signed: `verifyArchive` compares it with what is. */
export interface ArchiveIndex {
  did: string
  handle: string
  /** Origin of the server that it was made from. */
  pds: string
  /** When it was made, in ISO 8601. */
  createdAt: string
  /** The folder with the files of this state. */
  state: string
  /** Revision of the repository. */
  rev: string
  /** CID of its commit. */
  commit: string
  /** CID of its tree. */
  data: string
  records: number
  /** did:key of the server's signing key, which signed the manifest. */
  signingKey: string
  blobs: {
    count: number
    bytes: number
    /** CIDs of blobs that records refer to and that the server did not have. */
    lost: string[]
  }
  /** Undefined if there was no key file. */
  keys?: {
    /** did:key of the signing key in them. */
    signingKey: string
    /** Tells whether the owner's key file is still the one that was encrypted; nothing can be learned from it. */
    fingerprint: string
  }
  files: IndexedFile[]
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** A path below the folder: nothing that was written into the index leads out of it. */
const isPath = (value: unknown): value is string =>
  isText(value) && /^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(value) && value.length < 300

const isFile = (value: unknown): value is IndexedFile =>
  isObject(value) &&
  isPath(value['path']) &&
  isCount(value['size']) &&
  isText(value['sha256']) &&
  /^[0-9a-f]{64}$/.test(value['sha256'])

const isBlobs = (value: unknown): value is ArchiveIndex['blobs'] =>
  isObject(value) &&
  isCount(value['count']) &&
  isCount(value['bytes']) &&
  Array.isArray(value['lost']) &&
  value['lost'].every(isText)

const isKeys = (value: unknown): value is ArchiveIndex['keys'] =>
  value === undefined || (isObject(value) && isText(value['signingKey']) && isText(value['fingerprint']))

const TEXTS = ['handle', 'pds', 'createdAt', 'rev', 'commit', 'data'] as const

const wrongField = (value: JsonObject): string | undefined => {
  const text = TEXTS.find((name) => !isText(value[name]))
  if (text) return text
  const { did, signingKey } = value
  if (!isText(did) || !isValidDid(did)) return 'did'
  if (!isText(signingKey) || !isPublicKey(signingKey)) return 'signingKey'
  if (!isText(value['state']) || !/^state-[\w-]+$/.test(value['state'])) return 'state'
  if (!isCount(value['records'])) return 'records'
  if (!isBlobs(value['blobs'])) return 'blobs'
  if (!isKeys(value['keys'])) return 'keys'
  const { files } = value
  return Array.isArray(files) && files.every(isFile) ? undefined : 'files'
}

const NOTE =
  'An archive of an AT Protocol account. docs/backup.md of cirrus-pds says how to read and check it, with and without the program.'

export const formatIndex = (index: ArchiveIndex): string =>
  `${JSON.stringify({ what: NOTE, format: ARCHIVE_FORMAT, version: ARCHIVE_VERSION, ...index }, null, 1)}\n`

/** Reads an index. `file` names it in errors. */
export const parseIndex = (text: string, file: string): ArchiveIndex => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ArchiveError('BadFile', `${file} is not JSON: it was damaged`)
  }
  if (!isObject(value) || value['format'] !== ARCHIVE_FORMAT)
    throw new ArchiveError('NotAnArchive', `${file} is not the index of an archive`)
  if (value['version'] !== ARCHIVE_VERSION)
    throw new ArchiveError(
      'UnknownVersion',
      `${file} has the version ${JSON.stringify(value['version'])}, and this program reads ${ARCHIVE_VERSION}`,
    )
  const wrong = wrongField(value)
  if (wrong) throw new ArchiveError('BadFile', `${file}: ${wrong} is missing or has a wrong form`)
  // Every field was checked above.
  return value as unknown as ArchiveIndex
}
