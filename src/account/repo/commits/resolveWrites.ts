import type { Cid, LexMap } from '@atproto/lex-data'
import { cborCid } from '../../../repo/cid.ts'
import { blobRefs, type BlobReference } from '../../../repo/blobRefs.ts'
import { error, XrpcError } from '../../../xrpc/errors.ts'
import type { Blocks } from '../../blocks/blocks.ts'
import { encodeRecord } from './encodeRecord.ts'
import { recordPath } from '../recordPath.ts'
import type { Records } from '../records.ts'
import { blobChanges, blobCidsOf, type RecordOpWithBlobs } from './recordOp.ts'

/** What a client asks for one record. `swap` is what the path must hold now: a CID, or null for nothing. */
export type RepoWrite = { collection: string; rkey: string; swap?: Cid | null } & (
  | { action: 'create' | 'update' | 'put'; record: LexMap }
  | { action: 'delete'; ifExists?: boolean }
)

export interface WriteResult {
  action: 'create' | 'update' | 'delete'
  path: string
  /** Null on delete. */
  cid: Cid | null
}

export interface ResolvedWrite extends RecordOpWithBlobs {
  /** The blobs that the record refers to and did not refer to before. Whether they are stored is not checked yet. */
  newRefs: BlobReference[]
}

export interface ResolveWritesDeps {
  blocks: Pick<Blocks, 'read'>
  records: Pick<Records, 'cid'>
}

const MAX_WRITES = 200

/**
 * Checks writes one by one against what their paths hold, and turns them into operations; throws at the first that is
 * not valid. It only reads.
 */
export const resolveWrites = (
  deps: ResolveWritesDeps,
  writes: readonly RepoWrite[],
): { results: WriteResult[]; ops: ResolvedWrite[] } => {
  if (writes.length > MAX_WRITES)
    throw error('InvalidRequest', `${writes.length} writes at once, at most ${MAX_WRITES} are taken`)
  const seen = new Set<string>()
  const results: WriteResult[] = []
  const ops: ResolvedWrite[] = []
  for (const write of writes) {
    const path = recordPath(write.collection, write.rkey)
    if (seen.has(path)) throw error('InvalidRequest', `two writes to ${path}`)
    seen.add(path)
    const prev = deps.records.cid(path) ?? null
    const { swap } = write
    if (swap !== undefined && (swap === null ? prev !== null : !prev || !swap.equals(prev)))
      throw new XrpcError('InvalidSwap', `${path} holds ${prev ?? 'nothing'}, not ${swap ?? 'nothing'}`)
    const op = resolveWrite(deps.blocks, write, path, prev)
    // A write that changes nothing has a result, but no operation.
    const action = op?.action ?? (write.action === 'delete' ? 'delete' : 'update')
    results.push({ action, path, cid: op ? op.cid : prev })
    if (op) ops.push(op)
  }
  return { results, ops }
}

/** Undefined where the write changes nothing. */
const resolveWrite = (
  blocks: ResolveWritesDeps['blocks'],
  write: RepoWrite,
  path: string,
  prev: Cid | null,
): ResolvedWrite | undefined => {
  const before = prev ? blobCidsOf(blocks.read(prev)) : []
  if (write.action === 'delete') {
    if (prev)
      return { action: 'delete', path, cid: null, prev, newRefs: [], addedBlobs: [], removedBlobs: before }
    if (write.ifExists) return undefined
    throw error('InvalidRequest', `there is no record ${path}`)
  }
  if (write.action === 'create' && prev) throw error('InvalidRequest', `there is a record ${path} already`)
  if (write.action === 'update' && !prev) throw error('InvalidRequest', `there is no record ${path}`)
  if (write.record.$type !== write.collection)
    throw error('InvalidRequest', `the $type of ${path} must be ${write.collection}`)
  const bytes = encodeRecord(write.record, path)
  const cid = cborCid(bytes)
  if (prev?.equals(cid)) return undefined
  const refs = blobRefs(write.record)
  const after = refs.map((blob) => blob.cid.toString())
  // A record may keep the references that it has, even those of the old form or to a blob that is not stored yet.
  const newRefs = refs.filter((_, i) => !before.includes(after[i] ?? ''))
  if (newRefs.some(({ legacy }) => legacy))
    throw error('InvalidRequest', `${path} refers to a blob in the form that is no longer written`)
  return {
    action: prev ? 'update' : 'create',
    path,
    cid,
    bytes,
    prev,
    newRefs,
    ...blobChanges(before, after),
  }
}
