import { isPublicKey } from './crypto/publicKey.ts'
import { isObject } from './isObject.ts'

/**
 * Where the Worker's own backups are in its bucket. Blobs are below `<did>/`, with random names that only the database
 * knows: nothing of what follows can be served, or be collected as a blob.
 */
export const backupPrefix = (did: string): string => `backup/${did}/`

/** How many backups are kept. */
export const KEPT_BACKUPS = 7

/** An object of a backup. */
export interface BackupObject {
  key: string
  /** In bytes. */
  size: number
  /** In hex. */
  sha256: string
}

/** What a backup in a bucket says about itself: an object of its own, `<prefix><time>.json`, which is written last. */
export interface BucketBackup {
  did: string
  handle: string
  /** Origin of the server. */
  pds: string
  /** In ISO 8601. */
  createdAt: string
  rev: string
  /** CID of the commit. */
  commit: string
  data: string
  records: number
  /** did:key of the server's signing key. */
  signingKey: string
  /** How many blobs records refer to and are stored, and their bytes. */
  blobs: { count: number; bytes: number }
  objects: {
    repo: BackupObject
    /** A line of JSON for each blob that was stored: cid, size, mimeType, and the key of its object in this bucket. */
    blobs: BackupObject
    preferences: BackupObject
    manifest: BackupObject
    /** Of a did:plc, unless the directory did not answer. */
    plcLog?: BackupObject
  }
}

const FORMAT = 'cirrus-bucket-backup'
const VERSION = 1

export const formatBucketBackup = (backup: BucketBackup): string =>
  `${JSON.stringify({ format: FORMAT, version: VERSION, ...backup }, null, 2)}\n`

/** The time of a backup as a part of keys, which sort by it. */
export const backupStamp = (at: number): string => new Date(at).toISOString().replace(/[-:]|\.\d+/g, '')

/** Whether an object says what a backup is. */
export const isBackupKey = (did: string, key: string): boolean =>
  key.startsWith(backupPrefix(did)) && /^\d{8}T\d{6}Z\.json$/.test(key.slice(backupPrefix(did).length))

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0

/** A key below the prefix: read as a path, nothing leads out of it. */
const isKey = (did: string, value: unknown): boolean =>
  typeof value === 'string' && value.startsWith(backupPrefix(did)) && !/\/\.{0,2}(\/|$)/.test(value)

/** It becomes a part of names, which sort by it. */
const isTime = (value: unknown): boolean =>
  typeof value === 'string' &&
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value) &&
  !Number.isNaN(Date.parse(value))

const isBackupObject = (did: string, value: unknown): value is BackupObject =>
  isObject(value) &&
  isKey(did, value['key']) &&
  isCount(value['size']) &&
  typeof value['sha256'] === 'string' &&
  /^[0-9a-f]{64}$/.test(value['sha256'])

const TEXTS = ['handle', 'pds', 'rev', 'commit', 'data'] as const

/** The backup of this DID that an object describes; undefined if it is not one, or of a later version. */
export const parseBucketBackup = (did: string, text: string): BucketBackup | undefined => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(value) || value['format'] !== FORMAT || value['version'] !== VERSION) return undefined
  const { objects, blobs, records, createdAt, signingKey } = value
  if (value['did'] !== did || TEXTS.some((name) => typeof value[name] !== 'string')) return undefined
  if (!isTime(createdAt) || typeof signingKey !== 'string' || !isPublicKey(signingKey)) return undefined
  if (!isCount(records) || !isObject(blobs) || !isObject(objects)) return undefined
  if (!isCount(blobs['count']) || !isCount(blobs['bytes'])) return undefined
  const needed = ['repo', 'blobs', 'preferences', 'manifest']
  const { plcLog } = objects
  if (!needed.every((name) => isBackupObject(did, objects[name]))) return undefined
  if (plcLog !== undefined && !isBackupObject(did, plcLog)) return undefined
  // Every field was checked above.
  return value as unknown as BucketBackup
}
