import { readAccount } from '../../client/import.ts'
import { type Client, pages } from '../../client/index.ts'
import { orServerError, serverError } from '../servers/serverErrors.ts'
import { blobStore } from './blobStore.ts'
import type { BlobEntry } from '../../archive/stateFiles.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { writeAtomically } from '../files/files.ts'
import { limitedBody } from '../files/limitedBody.ts'
import { REQUEST_LIMIT_BYTES } from '../../limits.ts'
import { bytes, count } from '../terminal/output.ts'
import { parallel } from '../../parallel.ts'

/** Of the needed blobs: those that are in the folder now, and those that the server has lost. */
export interface BackedUpBlobs {
  /** By CID: the size in bytes. */
  sizes: Map<string, number>
  bytes: number
  /** How many of them this run fetched. */
  fetched: number
  /** CIDs of blobs that records refer to and that the server does not have. */
  lost: string[]
}

const PARALLEL_BLOBS = 4
/** With about 100 bytes each, what is collected before it is written. No repository in 10 GB refers to more blobs. */
const MAX_LISTED_BLOBS = 5_000_000

const tooLarge = (cid: string, maxBytes: number): CliError =>
  new CliError(
    'backup-too-large',
    `the server sent more for the blob ${cid} than the ${bytes(maxBytes)} that it may have; nothing of it was kept`,
  )

/** Writes the server's list of blobs to blobs.jsonl, as it is. */
export async function backupBlobList(server: Client, file: string): Promise<BlobEntry[]> {
  const found: BlobEntry[] = []
  for await (const { blobs } of pages((page) =>
    orServerError(server.com.cirrus.admin.listBlobs({ limit: 1000, ...page })),
  ))
    for (const { cid, size, mimeType } of blobs)
      if (found.push({ cid, size, mimeType }) > MAX_LISTED_BLOBS)
        throw new CliError(
          'backup-too-large',
          `the server lists more than ${count(MAX_LISTED_BLOBS, 'blob')}`,
        )
  const lines = found.map((entry) => `${JSON.stringify(entry)}\n`)
  await writeAtomically(file, lines)
  return found
}

/** Fetches into `folder` the needed blobs that are not there yet, each as a file named by its CID. */
export async function backupBlobs(
  context: Context,
  server: Client,
  options: { did: string; folder: string; needed: ReadonlySet<string>; listed: readonly BlobEntry[] },
): Promise<BackedUpBlobs> {
  const { did, folder, needed } = options
  const sizes = new Map(options.listed.map(({ cid, size }) => [cid, size]))
  const { signal } = context.io
  const store = blobStore(folder)
  const progress = context.out.progress('Blobs')
  const result: BackedUpBlobs = { sizes: new Map(), bytes: 0, fetched: 0, lost: [] }
  const seen = new Set<string>()
  const done = (cid: string, size: number) => {
    result.sizes.set(cid, size)
    result.bytes += size
    progress.to(result.sizes.size, needed.size)
  }
  const have = async (cid: string) => {
    seen.add(cid)
    // No record of this commit refers to it, so it is not fetched.
    if (!needed.has(cid)) return true
    const size = await store.storedSize(cid)
    if (size !== undefined) done(cid, size)
    return size !== undefined
  }
  const reader = readAccount(server, {
    did,
    have,
    missing: (cid) => void result.lost.push(cid),
    signal,
  }).blobs()
  try {
    await parallel(reader, PARALLEL_BLOBS, async ({ cid, body }) => {
      const maxBytes = Math.min(sizes.get(cid) ?? REQUEST_LIMIT_BYTES, REQUEST_LIMIT_BYTES)
      const size = await store.put(
        cid,
        limitedBody(body, maxBytes, () => tooLarge(cid, maxBytes)),
      )
      result.fetched++
      done(cid, size)
    })
  } catch (cause) {
    throw serverError(cause)
  }
  progress.end()
  // The server does not even list these, though records in the CAR refer to them: it has lost the references too.
  for (const cid of needed) {
    if (seen.has(cid) || result.lost.includes(cid)) continue
    const size = await store.storedSize(cid)
    if (size === undefined) result.lost.push(cid)
    else done(cid, size)
  }
  return result
}
