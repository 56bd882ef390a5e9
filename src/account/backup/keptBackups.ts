import {
  backupPrefix,
  type BucketBackup,
  isBackupKey,
  KEPT_BACKUPS,
  parseBucketBackup,
} from '../../bucketBackup.ts'

type Bucket = Pick<R2Bucket, 'get' | 'list' | 'delete'>

/** R2 deletes as many keys in one call. */
const DELETE_LIMIT = 1000

/** Every key below the prefix of the backups. A week of backups is some forty. */
const allKeys = async (bucket: Bucket, did: string): Promise<string[]> => {
  const keys: string[] = []
  for (let cursor: string | undefined; ;) {
    const page = await bucket.list({ prefix: backupPrefix(did), ...(cursor ? { cursor } : {}) })
    keys.push(...page.objects.map(({ key }) => key))
    if (!page.truncated) return keys
    cursor = page.cursor
  }
}

const read = async (bucket: Bucket, did: string, key: string): Promise<BucketBackup | undefined> => {
  const object = await bucket.get(key)
  return object ? parseBucketBackup(did, await object.text()) : undefined
}

/** The keys that describe backups, newest first. */
const backupKeys = (did: string, keys: readonly string[]): string[] =>
  keys
    .filter((key) => isBackupKey(did, key))
    .toSorted()
    .toReversed()

/** The backup that was made last; undefined if there is none that can be read. */
export const newestBackup = async (bucket: Bucket, did: string): Promise<BucketBackup | undefined> => {
  const [newest] = backupKeys(did, await allKeys(bucket, did))
  return newest === undefined ? undefined : await read(bucket, did, newest)
}

/**
 * Deletes all but the newest backups, and what runs that died have left. If one of those that are kept cannot be read,
 * nothing is deleted: it is not known what it needs.
 */
export const pruneBackups = async (bucket: Bucket, did: string): Promise<void> => {
  const keys = await allKeys(bucket, did)
  const kept = new Set<string>()
  for (const key of backupKeys(did, keys).slice(0, KEPT_BACKUPS)) {
    const backup = await read(bucket, did, key)
    if (!backup) return
    kept.add(key)
    for (const object of Object.values(backup.objects)) kept.add(object.key)
  }
  const unneeded = keys.filter((key) => !kept.has(key))
  for (let from = 0; from < unneeded.length; from += DELETE_LIMIT)
    await bucket.delete(unneeded.slice(from, from + DELETE_LIMIT))
}

/** Deletes backups, a thousand objects at most. */
export const eraseBackups = async (bucket: Bucket, did: string): Promise<{ more: boolean }> => {
  const { objects, truncated } = await bucket.list({ prefix: backupPrefix(did), limit: DELETE_LIMIT })
  if (objects.length > 0) await bucket.delete(objects.map(({ key }) => key))
  return { more: truncated }
}
