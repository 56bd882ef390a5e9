import { createHash } from 'node:crypto'
import { sha256File } from '../../../archive/sha256File.ts'
import type { BackupObject } from '../../../bucketBackup.ts'
import { CliError } from '../../errors.ts'
import { writeAtomically } from '../../files/files.ts'
import { limitedBody } from '../../files/limitedBody.ts'
import type { S3Bucket } from './s3Bucket.ts'

const damaged = (bucket: S3Bucket, key: string, what: string): CliError =>
  new CliError('backup-incomplete', `${key} in ${bucket.url} ${what}`, {
    next: 'delete the newest `backup/<did>/<time>.json` in the bucket, and run the command again: it takes the backup before it',
  })

/** Fetches an object into a file, which gets its name only if size and hash are right. Returns whether it was fetched. */
export async function fetchObject(
  bucket: S3Bucket,
  { key, size, sha256 }: BackupObject,
  file: string,
  mode = 0o644,
): Promise<boolean> {
  const there = await sha256File(file)
  if (there?.sha256 === sha256) return false
  const object = await bucket.get(key)
  if (!object) throw damaged(bucket, key, 'is missing')
  const hash = createHash('sha256')
  const checked = async function* () {
    const body = limitedBody(object, size, () => damaged(bucket, key, `has more than ${size} bytes`))
    for await (const chunk of body) {
      hash.update(chunk)
      yield chunk
    }
    if (hash.digest('hex') !== sha256)
      throw damaged(bucket, key, 'is not what the backup says: it was damaged')
  }
  await writeAtomically(file, checked(), mode)
  return true
}
