import type { Client } from '../../client/index.ts'
import type { BlobReference } from '../../repo/blobRefs.ts'
import type { VerifiedRecord } from '../../repo/verifyRepo.ts'
import { type BroughtRecords, bringRecords } from '../bringRecords.ts'
import { BlobError, HELD_BYTES, readBlob, type SourceBlob } from '../copy/readBlob.ts'
import { sendBlob, sendingOf } from '../copy/sendBlob.ts'
import { type LateRecord, lateRecords } from '../lateRecords.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { FetchedTree, UndoStore } from './fetchTree.ts'

type Late = LateRecord<VerifiedRecord>

/** What was written to the server that the account leaves, and is not on the other one. */
export interface Additions {
  created: number
  updated: number
  deleted: number
  /** Paths that both servers have changed. */
  conflicts: string[]
  /** By collection: how many. */
  collections: Record<string, number>
  blobs: number
  /** CIDs of the blobs that could not be fetched, each with the reason. */
  lostBlobs: string[]
}

export interface Trees {
  /** The server that the account returns to, as it was when the way back began. */
  base: FetchedTree
  /** The server that the account leaves. */
  late: FetchedTree
}

const lateOf = ({ base, late }: Trees, there: FetchedTree): Generator<Late, void, void> =>
  lateRecords({ base: base.records(), late: late.records(), there: there.records() })

const blobFile = (cid: string): string => `blob-${cid}`

/** Counts what was added, and keeps the blobs that it refers to in the store. May be repeated: nothing is fetched twice. */
export async function keepAdditions(
  deps: MoverDeps,
  trees: Trees,
  { client, did, store }: { client: Client; did: string; store: UndoStore },
): Promise<Additions> {
  const found: Additions = {
    created: 0,
    updated: 0,
    deleted: 0,
    conflicts: [],
    collections: {},
    blobs: 0,
    lostBlobs: [],
  }
  for (const { action, path, late, conflict } of lateOf(trees, trees.base)) {
    if (action === 'create') found.created++
    else if (action === 'update') found.updated++
    else found.deleted++
    if (conflict) found.conflicts.push(path)
    const collection = path.slice(0, path.indexOf('/'))
    if (action !== 'delete') found.collections[collection] = (found.collections[collection] ?? 0) + 1
    for (const { cid } of late?.blobs ?? []) {
      const name = blobFile(cid.toString())
      const kept = await store.openFile(name)
      kept?.close()
      if (!kept)
        try {
          const blob = await readBlob(deps, client, did, cid.toString())
          await store.writeFile(name, blob.body ?? bytesOf(blob))
        } catch (cause) {
          deps.signal.throwIfAborted()
          found.lostBlobs.push(`${cid.toString()}: ${String(cause)}`)
          continue
        }
      found.blobs++
    }
  }
  return found
}

async function* bytesOf({ bytes }: SourceBlob): AsyncGenerator<Uint8Array> {
  if (bytes) yield bytes
}

/** A blob of the store, to be sent. */
const keptBlob = async (store: UndoStore, cid: string, mimeType: string): Promise<SourceBlob> => {
  const file = await store.openFile(blobFile(cid))
  if (!file) throw new BlobError('source', 'not-found', 'it was not fetched')
  try {
    const { size } = file
    if (size > HELD_BYTES)
      return { mimeType, head: file.read(0, 1024), body: (await file.blob()).stream(), size }
    const bytes = new Uint8Array(file.read(0, size))
    return { mimeType, head: bytes, bytes, size }
  } finally {
    file.close()
  }
}

/** What became of the additions. */
export interface BroughtBack extends BroughtRecords {
  /** Paths that were left as they are, because the owner did not want them deleted or both servers have changed them. */
  left: string[]
}

/** Writes what was added to the server that the account is on again. `there` is what that one has now. */
export async function bringBack(
  deps: MoverDeps,
  trees: Trees & { there: FetchedTree },
  options: { client: Client; did: string; store: UndoStore; deletions: boolean },
): Promise<BroughtBack> {
  const { client, did, store, deletions } = options
  const left: string[] = []
  const sent = new Set<string>()
  function* wanted(): Generator<Late> {
    for (const record of lateOf(trees, trees.there)) {
      if (record.conflict || (record.action === 'delete' && !deletions)) left.push(record.path)
      else yield record
    }
  }
  const bringBlob = async ({ cid: link, mimeType }: BlobReference): Promise<void> => {
    const cid = link.toString()
    if (sent.has(cid)) return
    const kept = await keptBlob(store, cid, mimeType)
    await sendBlob(deps, client, cid, sendingOf(kept, { mimeType }))
    sent.add(cid)
  }
  const brought = await bringRecords(wanted(), {
    did,
    client,
    signal: deps.signal,
    read: ({ cid }) => trees.late.read(cid),
    bringBlob,
  })
  return { ...brought, left }
}
