import { encode } from '@atproto/lex-cbor'
import type { Cid, LexMap } from '@atproto/lex-data'
import { cborCid, cidKey } from '../../repo/cid.ts'
import { blobRefs, type BlobReference } from '../../repo/blobRefs.ts'
import { CborError, checkCbor } from '../../repo/cbor.ts'
import { error, XrpcError } from '../../xrpc/errors.ts'
import type { Blocks } from '../blocks/blocks.ts'
import type { Op } from './commit.ts'
import { recordPath, recordValue, type Records } from './records.ts'

/** A change to one record. `swap` is what the path must hold now: a CID, or null for nothing. */
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

/** A write that changes something, and how the blobs change to which its record refers. */
export interface Resolved extends Op {
  added: string[]
  removed: string[]
}

export interface ResolvedWrite extends Resolved {
  /** The blobs that the record refers to. */
  refs: BlobReference[]
}

const MAX_OPS = 200
const MAX_RECORD = 1_000_000

/**
 * The record's block. It must be one that every reader takes, ours above all: no floating point
 * number, no link of another form. Else it would be stored and could never be exported and imported.
 */
const encoded = (record: LexMap, path: string): Uint8Array => {
  let bytes
  try {
    bytes = encode(record)
  } catch (cause) {
    throw error('InvalidRequest', `the record ${path}: ${cause instanceof Error ? cause.message : 'no data'}`)
  }
  try {
    // What is too large for a record is refused as that.
    if (bytes.length <= MAX_RECORD) checkCbor(bytes)
  } catch (cause) {
    if (cause instanceof CborError) throw error('InvalidRequest', `the record ${path}: ${cause.message}`)
    throw cause
  }
  return bytes
}

/** Turns writes into operations, or says what is wrong with them. It only reads. */
export class Writes {
  readonly #deps: { blocks: Blocks; records: Records }

  constructor(deps: { blocks: Blocks; records: Records }) {
    this.#deps = deps
  }

  /** Checks the writes one by one against what the paths hold. */
  resolve(writes: readonly RepoWrite[]): { results: WriteResult[]; ops: ResolvedWrite[] } {
    if (writes.length > MAX_OPS) {
      throw error('InvalidRequest', `${writes.length} writes at once, at most ${MAX_OPS} are taken`)
    }
    const seen = new Set<string>()
    const results: WriteResult[] = []
    const ops: ResolvedWrite[] = []
    for (const write of writes) {
      const path = recordPath(write.collection, write.rkey)
      if (seen.has(path)) throw error('InvalidRequest', `two writes to ${path}`)
      seen.add(path)
      const prev = this.#deps.records.cid(path) ?? null
      const { swap } = write
      if (swap !== undefined && (swap === null ? prev !== null : !prev || !swap.equals(prev))) {
        throw new XrpcError('InvalidSwap', `${path} holds ${prev ?? 'nothing'}, not ${swap ?? 'nothing'}`)
      }
      const op = this.#op(write, path, prev)
      const action = op?.action ?? (write.action === 'delete' ? 'delete' : 'update')
      results.push({ action, path, cid: op ? op.cid : prev })
      if (op) ops.push(op)
    }
    return { results, ops }
  }

  /** Undefined where the write changes nothing. */
  #op(write: RepoWrite, path: string, prev: Cid | null): ResolvedWrite | undefined {
    const before = prev ? blobsOf(this.#deps.blocks.read(prev)) : []
    if (write.action === 'delete') {
      if (prev) return { action: 'delete', path, cid: null, prev, refs: [], added: [], removed: before }
      if (write.ifExists) return undefined
      throw error('InvalidRequest', `there is no record ${path}`)
    }
    if (write.action === 'create' && prev) throw error('InvalidRequest', `there is a record ${path} already`)
    if (write.action === 'update' && !prev) throw error('InvalidRequest', `there is no record ${path}`)
    if (write.record.$type !== write.collection) {
      throw error('InvalidRequest', `the $type of ${path} must be ${write.collection}`)
    }
    const bytes = encoded(write.record, path)
    if (bytes.length > MAX_RECORD) {
      throw error(
        'InvalidRequest',
        `the record ${path} has ${bytes.length} bytes, at most ${MAX_RECORD} are taken`,
      )
    }
    const cid = cborCid(bytes)
    if (prev?.equals(cid)) return undefined
    const refs = blobRefs(write.record)
    const after = refs.map((blob) => blob.cid.toString())
    if (refs.some(({ legacy }, i) => legacy && !before.includes(after[i] ?? '')))
      throw error('InvalidRequest', `${path} refers to a blob in the form that is no longer written`)
    return { action: prev ? 'update' : 'create', path, cid, bytes, prev, refs, ...refChanges(before, after) }
  }
}

/** The CIDs of the blobs that a stored record refers to. */
export const blobsOf = (bytes: Uint8Array | undefined): string[] =>
  bytes ? blobRefs(recordValue(bytes)).map((blob) => blob.cid.toString()) : []

/** What a record refers to newly, and what no longer. */
export const refChanges = (
  before: readonly string[],
  after: readonly string[],
): Pick<Resolved, 'added' | 'removed'> => ({
  added: after.filter((blob) => !before.includes(blob)),
  removed: before.filter((blob) => !after.includes(blob)),
})

/** By how many paths more, or fewer, each record is held: another path may hold the same one. */
export const recordChanges = (
  ops: readonly Op[],
): Iterable<{ cid: Cid; bytes?: Uint8Array; paths: number }> => {
  const changes = new Map<string, { cid: Cid; bytes?: Uint8Array; paths: number }>()
  const count = (cid: Cid, by: number): { bytes?: Uint8Array } => {
    const change = changes.get(cidKey(cid)) ?? { cid, paths: 0 }
    change.paths += by
    changes.set(cidKey(cid), change)
    return change
  }
  for (const { cid, bytes, prev } of ops) {
    if (cid && bytes) count(cid, 1).bytes = bytes
    if (prev) count(prev, -1)
  }
  return changes.values()
}
