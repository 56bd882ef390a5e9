import type { Cid, LexMap } from '@atproto/lex-data'
import { cborCid } from '../../../repo/cid.ts'
import type { BlobReference } from '../../../repo/blobRefs.ts'
import { error, XrpcError } from '../../../xrpc/errors.ts'
import type { Blobs } from '../../blobs/blobs.ts'
import type { Blocks } from '../../blocks/blocks.ts'
import { encodeRecord } from './encodeRecord.ts'
import { recordPath } from '../recordPath.ts'
import type { Records } from '../records.ts'
import { blobChanges, blobRefsOf, cidsOf, type RecordOpWithBlobs } from './recordOp.ts'
import { upgradeProfileBlobs } from './upgradeProfileBlobs.ts'

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
  /** What the record says of blobs and did not say before. Whether they are stored is not checked yet. */
  newRefs: BlobReference[]
}

export interface ResolveWritesDeps {
  blocks: Pick<Blocks, 'read'>
  records: Pick<Records, 'cid'>
  blobs: Pick<Blobs, 'stat'>
}

/** What a path holds: the record's block, or nothing. */
type Held = { cid: Cid; bytes: Uint8Array } | undefined

const MAX_WRITES = 200

/**
 * Checks writes one by one against what their paths hold by then, and turns them into operations; throws at the first
 * that is not valid. It only reads. Several writes to one path become one operation, from what it held before all of them
 * to what it holds after: an event may name a path only once.
 */
export const resolveWrites = (
  deps: ResolveWritesDeps,
  writes: readonly RepoWrite[],
): { results: WriteResult[]; ops: ResolvedWrite[] } => {
  if (writes.length > MAX_WRITES)
    throw error('InvalidRequest', `${writes.length} writes at once, at most ${MAX_WRITES} are taken`)
  const paths = new Map<string, { before: Held; now: Held }>()
  const results = writes.map((write): WriteResult => {
    const path = recordPath(write.collection, write.rkey)
    const state = paths.get(path) ?? readPath(deps, path)
    const held = state.now
    checkSwap(write, path, held)
    const now = applyWrite(deps, write, path, held)
    paths.set(path, { before: state.before, now })
    const action = write.action === 'delete' ? 'delete' : held ? 'update' : 'create'
    return { action, path, cid: now?.cid ?? null }
  })
  const ops = [...paths].flatMap(([path, { before, now }]) => netChange(path, before, now))
  return { results, ops }
}

const readPath = ({ blocks, records }: ResolveWritesDeps, path: string): { before: Held; now: Held } => {
  const cid = records.cid(path)
  const bytes = cid && blocks.read(cid)
  if (cid && !bytes) throw new Error(`the record ${path} has no block`)
  const held = cid && bytes ? { cid, bytes } : undefined
  return { before: held, now: held }
}

const checkSwap = ({ swap }: RepoWrite, path: string, held: Held): void => {
  if (swap !== undefined && (swap === null ? held : !held || !swap.equals(held.cid)))
    throw new XrpcError('InvalidSwap', `${path} holds ${held?.cid ?? 'nothing'}, not ${swap ?? 'nothing'}`)
}

/** What the path holds after a write. */
const applyWrite = (deps: ResolveWritesDeps, write: RepoWrite, path: string, held: Held): Held => {
  if (write.action === 'delete') {
    if (held || write.ifExists) return undefined
    throw error('InvalidRequest', `there is no record ${path}`)
  }
  if (write.action === 'create' && held) throw error('InvalidRequest', `there is a record ${path} already`)
  if (write.action === 'update' && !held) throw error('InvalidRequest', `there is no record ${path}`)
  if (write.record.$type !== write.collection)
    throw error('InvalidRequest', `the $type of ${path} must be ${write.collection}`)
  const record = held ? upgradeProfileBlobs(write.record, deps.blobs) : write.record
  const bytes = encodeRecord(record, path)
  return { cid: cborCid(bytes), bytes }
}

/** The operation that the writes to a path come to; none where they change nothing. */
const netChange = (path: string, before: Held, now: Held): ResolvedWrite[] => {
  if (before && now ? before.cid.equals(now.cid) : before === now) return []
  const [had, has] = [blobRefsOf(before?.bytes), blobRefsOf(now?.bytes)]
  const op = { path, prev: before?.cid ?? null, ...blobChanges(cidsOf(had), cidsOf(has)) }
  if (!now) return [{ ...op, action: 'delete', cid: null, newRefs: [] }]
  // A record may keep what it says of blobs, even in the old form or of a blob that is not stored: it can be edited.
  const newRefs = has.filter((ref) => !had.some((known) => sameReference(known, ref)))
  const legacy = newRefs.find((ref) => ref.legacy)
  if (legacy)
    throw error(
      'InvalidRequest',
      `Legacy blobs are not allowed: ${path} refers to ${legacy.cid} as {"cid", "mimeType"}; refer to it as uploadBlob answered`,
    )
  return [{ ...op, action: before ? 'update' : 'create', ...now, newRefs }]
}

const sameReference = (a: BlobReference, b: BlobReference): boolean =>
  a.cid.equals(b.cid) && a.size === b.size && a.mimeType === b.mimeType && a.legacy === b.legacy
