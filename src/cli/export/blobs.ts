/** blobs/<cid> and blobs.jsonl. */
import { readAccount } from '../../client/import.ts'
import { type Client, pages } from '../../client/index.ts'
import { orServerError, serverError } from '../serverErrors.ts'
import { blobStore } from '../blobStore.ts'
import type { Context } from '../command.ts'
import { writeWhole } from '../files.ts'

export interface BlobEntry {
  cid: string
  size: number
  mimeType: string
}

export interface ExportedBlobs {
  count: number
  bytes: number
  fetched: number
  /** Referred to, and not on the server. */
  lost: string[]
}

const PARALLEL_BLOBS = 4

/** The server's list, written down as it is. */
export async function exportBlobList(server: Client, file: string): Promise<BlobEntry[]> {
  const found: BlobEntry[] = []
  for await (const { blobs } of pages((page) =>
    orServerError(server.com.cirrus.admin.listBlobs({ limit: 1000, ...page })),
  ))
    for (const { cid, size, mimeType } of blobs) found.push({ cid, size, mimeType })
  const lines = found.map((entry) => `${JSON.stringify(entry)}\n`)
  await writeWhole(file, lines)
  return found
}

export async function exportBlobs(
  context: Context,
  server: Client,
  options: { did: string; folder: string; needed: ReadonlySet<string> },
): Promise<ExportedBlobs> {
  const { did, folder, needed } = options
  const { signal } = context.io
  const store = blobStore(folder)
  const progress = context.out.progress('Blobs', (n) => n.toLocaleString('en-US'))
  const result: ExportedBlobs = { count: 0, bytes: 0, fetched: 0, lost: [] }
  const seen = new Set<string>()
  const done = (size: number) => {
    result.count++
    result.bytes += size
    progress.to(result.count, needed.size)
  }
  const have = async (cid: string) => {
    seen.add(cid)
    // Of another commit than the one that is exported.
    if (!needed.has(cid)) return true
    const size = await store.have(cid)
    if (size !== undefined) done(size)
    return size !== undefined
  }
  const reader = readAccount(server, {
    did,
    have,
    missing: (cid) => void result.lost.push(cid),
    signal,
  }).blobs()
  const worker = async () => {
    for (let next = await reader.next(); !next.done; next = await reader.next()) {
      const size = await store.put(next.value.cid, next.value.body)
      result.fetched++
      done(size)
    }
  }
  try {
    await Promise.all(Array.from({ length: PARALLEL_BLOBS }, worker))
  } catch (cause) {
    throw serverError(cause)
  }
  progress.end()
  // Referred to by the CAR and not in the server's list: a server that lost the reference as well.
  for (const cid of needed) {
    if (seen.has(cid) || result.lost.includes(cid)) continue
    const size = await store.have(cid)
    if (size === undefined) result.lost.push(cid)
    else done(size)
  }
  return result
}
