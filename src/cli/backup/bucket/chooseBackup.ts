import { type BucketBackup, isBackupKey, parseBucketBackup } from '../../../bucketBackup.ts'
import type { Context } from '../../command.ts'
import { CliError } from '../../errors.ts'
import type { S3Bucket } from './s3Bucket.ts'

const PREFIX = 'backup/'
const MAX_BYTES = 64 * 1024

/** The DID whose backups are in the bucket: that of wrangler.toml, otherwise the only one that there is. */
const didOf = ({ project }: Context, keys: readonly string[], url: string): string => {
  const found = new Set(keys.map((key) => key.slice(PREFIX.length).split('/')[0] ?? ''))
  const configured = project?.vars['DID']
  if (configured && found.has(configured)) return configured
  const [only, ...others] = found
  if (only !== undefined && others.length === 0 && !configured) return only
  throw new CliError(
    'no-bucket-backup',
    found.size === 0
      ? `${url} has no backup that a Worker has made`
      : configured
        ? `${url} has no backup of ${configured}, the account of wrangler.toml; it has some of ${[...found].join(', ')}`
        : `${url} has backups of several accounts: ${[...found].join(', ')}`,
    {
      next: 'run the command in the folder whose wrangler.toml names the account; `BACKUP = "daily"` makes backups',
    },
  )
}

const readText = async (bucket: S3Bucket, key: string): Promise<string> => {
  const object = await bucket.get(key)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of object ?? []) {
    if ((size += chunk.byteLength) > MAX_BYTES) return ''
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The newest backup in the bucket that can be read; older ones are there in case it cannot. */
export async function chooseBackup(context: Context, bucket: S3Bucket): Promise<BucketBackup> {
  const keys = (await bucket.list(PREFIX)).filter((key) => key.startsWith(PREFIX))
  const did = didOf(context, keys, bucket.url)
  const known = keys
    .filter((key) => isBackupKey(did, key))
    .toSorted()
    .toReversed()
  for (const key of known) {
    const backup = parseBucketBackup(did, await readText(bucket, key))
    if (backup) return backup
    context.out.warn(`${key} cannot be read; the backup before it is taken`)
  }
  throw new CliError('no-bucket-backup', `${bucket.url} has no backup of ${did} that can be read`)
}
