import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { BLOBS_FOLDER, STATE_FILES } from '../../../archive/archiveIndex.ts'
import { type CarFacts, carProblem, verifyCarFile } from '../../../archive/carFile.ts'
import { formatLog, parseLog, signingKeysOf } from '../../../archive/stateFiles.ts'
import type { BucketBackup } from '../../../bucketBackup.ts'
import { formatDidDocument } from '../../../identity/didDocument.ts'
import { createDidResolver } from '../../../identity/didResolver.ts'
import { outbound } from '../../../outbound.ts'
import { parallel } from '../../../parallel.ts'
import { createDirectory } from '../../../plc/directory.ts'
import type { VerifiedLog } from '../../../plc/types.ts'
import type { Context } from '../../command.ts'
import { EXIT } from '../../exit.ts'
import { CliError } from '../../errors.ts'
import { writeAtomically } from '../../files/files.ts'
import { limitedBody } from '../../files/limitedBody.ts'
import { DEFAULT_PLC_URL, isLoopback } from '../../project/config.ts'
import { bytes, count } from '../../terminal/output.ts'
import { backupKeys } from '../backupKeys.ts'
import type { BackupFlags } from '../backup.ts'
import { blobStore } from '../blobStore.ts'
import { orArchiveError } from '../openBackup.ts'
import { openFolder } from '../openFolder.ts'
import { publish, tidy } from '../publish.ts'
import { type BackedUpBlob, parseBackedUpBlob } from './backedUpBlob.ts'
import { chooseBackup } from './chooseBackup.ts'
import { fetchObject } from './fetchObject.ts'
import { s3Bucket, type S3Bucket } from './s3Bucket.ts'

const PARALLEL_BLOBS = 4

/**
 * The DID's log: of the directory, which has what came since; of the backup if the directory does not answer. And the
 * DID document, of the network or of the log.
 */
const writeIdentity = async (
  context: Context,
  bucket: S3Bucket,
  { did, objects: { plcLog } }: BucketBackup,
  state: string,
): Promise<VerifiedLog | undefined> => {
  const { io, project } = context
  const plcUrl = project?.vars['PLC_DIRECTORY_URL'] || DEFAULT_PLC_URL
  const dev = isLoopback(new URL(plcUrl).origin)
  const send = outbound({ fetch: io.fetch }, { dev })
  const directory = createDirectory(send, plcUrl)
  const logFile = join(state, STATE_FILES.plcLog)
  const fromBucket = async (cause: unknown): Promise<VerifiedLog> => {
    if (!plcLog)
      throw new CliError('directory-unavailable', `${plcUrl} does not answer, and the backup has no log`, {
        cause,
      })
    await fetchObject(bucket, plcLog, logFile)
    return await orArchiveError(parseLog(did, await readFile(logFile, 'utf8'), plcLog.key))
  }
  const log = did.startsWith('did:plc:') ? await directory.log(did).catch(fromBucket) : undefined
  if (log) await writeAtomically(logFile, formatLog(did, log.entries))
  const document = await createDidResolver({ send, directory, dev })(did).then(
    ({ json }): unknown => json,
    () => (log?.head.data ? formatDidDocument(did, log.head.data) : { id: did }),
  )
  await writeAtomically(join(state, STATE_FILES.didDocument), `${JSON.stringify(document, null, 2)}\n`)
  return log
}

const verifyRepository = async (
  { io }: Context,
  file: string,
  { did, signingKey }: BucketBackup,
  log: VerifiedLog | undefined,
): Promise<CarFacts> => {
  try {
    const keys = log ? signingKeysOf(log) : [signingKey]
    return await verifyCarFile(file, { did, signingKey: keys, now: io.now() })
  } catch (cause) {
    const problem = carProblem(cause)
    if (problem === undefined) throw cause
    throw new CliError('backup-incomplete', `the repository in the bucket does not verify: ${problem}`, {
      cause,
    })
  }
}

/** Those of the stored blobs that records refer to. The list is read line by line: it may be long. */
const readBlobList = async (
  file: string,
  needed: ReadonlySet<string>,
): Promise<Map<string, BackedUpBlob>> => {
  const found = new Map<string, BackedUpBlob>()
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const blob = parseBackedUpBlob(line)
    if (blob && needed.has(blob.cid)) found.set(blob.cid, blob)
  }
  return found
}

/** Fetches the blobs that are not in the folder yet. Returns the sizes of those that are there now. */
const fetchBlobs = async (
  context: Context,
  bucket: S3Bucket,
  folder: string,
  { needed, listed }: { needed: ReadonlySet<string>; listed: ReadonlyMap<string, BackedUpBlob> },
): Promise<{ sizes: Map<string, number>; fetched: number; lost: string[] }> => {
  const store = blobStore(join(folder, BLOBS_FOLDER))
  const sizes = new Map<string, number>()
  const lost: string[] = []
  let fetched = 0
  const progress = context.out.progress('Blobs')
  await parallel(needed, PARALLEL_BLOBS, async (cid) => {
    context.io.signal.throwIfAborted()
    const there = await store.storedSize(cid)
    const blob = listed.get(cid)
    const object = there === undefined && blob ? await bucket.get(blob.key) : undefined
    if (there !== undefined) sizes.set(cid, there)
    else if (!blob || !object) lost.push(cid)
    else {
      const tooLarge = () =>
        new CliError('backup-incomplete', `${blob.key} in the bucket is larger than the blob ${cid}`)
      sizes.set(cid, await store.put(cid, limitedBody(object, blob.size, tooLarge)))
      fetched++
    }
    progress.to(sizes.size + lost.length, needed.size)
  })
  if (needed.size > 0) progress.end()
  return { sizes, fetched, lost }
}

/** `pds backup <dir> --from-bucket <url>`: makes the folder an archive of what the Worker has backed up into a bucket. */
export async function pullBackup(
  context: Context,
  dir: string,
  flags: BackupFlags & { fromBucket: string },
): Promise<number> {
  const { io, out } = context
  const bucket = s3Bucket(io, flags.fromBucket)
  const backup = await chooseBackup(context, bucket)
  const { did, handle, pds, createdAt, signingKey, objects } = backup
  out.note(`The backup of ${handle} (${did}) of ${createdAt}, rev ${backup.rev}.`)
  const folder = resolve(io.cwd, dir)
  const target = await openFolder(folder, did)
  try {
    const file = (name: keyof typeof STATE_FILES) => join(target.state, STATE_FILES[name])
    const { keys } = flags.withoutKeys
      ? { keys: undefined }
      : await backupKeys(context, target, { did, handle, signingKey }, { renew: flags.newPassphrase })
    const log = await writeIdentity(context, bucket, backup, target.state)
    await fetchObject(bucket, objects.repo, file('repo'))
    const facts = await verifyRepository(context, file('repo'), backup, log)
    await fetchObject(bucket, objects.preferences, file('preferences'), 0o600)
    await fetchObject(bucket, objects.manifest, file('manifest'))
    await fetchObject(bucket, objects.blobs, file('blobs'))
    const listed = await readBlobList(file('blobs'), facts.blobs)
    const blobs = await fetchBlobs(context, bucket, folder, { needed: facts.blobs, listed })
    const lines = [...blobs.sizes].map(
      ([cid, size]) =>
        `${JSON.stringify({ cid, size, mimeType: listed.get(cid)?.mimeType ?? 'application/octet-stream' })}\n`,
    )
    await writeAtomically(file('blobs'), lines)
    const total = [...blobs.sizes.values()].reduce((sum, size) => sum + size, 0)
    const { lost } = blobs
    const index = await publish(
      target,
      {
        ...{ did, handle, pds, createdAt, signingKey },
        ...{ rev: facts.rev, commit: facts.root, data: facts.data, records: facts.records },
        blobs: { count: blobs.sizes.size, bytes: total, lost },
        ...(keys ? { keys } : {}),
      },
      blobs.sizes,
      io.random,
    )
    await tidy(folder, index)
    if (!keys)
      out.warn(
        'the keys are not in the backup: a bucket has none. Keep the key file, and run the command beside it to have it encrypted into the backup.',
      )
    const ok = lost.length === 0
    const text = [
      `${ok ? out.paint('green', 'Complete and verified') : out.paint('red', 'Not complete')}: ${folder}`,
      `  of           ${createdAt}, from ${bucket.url}`,
      `  repository   ${count(facts.records, 'record')}, rev ${facts.rev}`,
      `  blobs        ${count(blobs.sizes.size, 'blob')}, ${bytes(total)}, ${blobs.fetched} fetched now`,
      `  keys         ${keys ? 'encrypted with the passphrase' : 'NOT in the backup'}`,
      ...lost.map((cid) => `  the blob ${cid} is lost: the bucket does not have it`),
    ].join('\n')
    out.result(
      {
        ok,
        did,
        folder,
        createdAt,
        rev: facts.rev,
        commit: facts.root,
        records: facts.records,
        blobs: { count: blobs.sizes.size, bytes: total, fetched: blobs.fetched, lost },
        keys: keys !== undefined,
      },
      text,
      ok ? undefined : 'backup-incomplete',
    )
    return ok ? EXIT.ok : EXIT.problems
  } finally {
    await target.release()
  }
}
