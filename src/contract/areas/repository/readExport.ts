import { type Cid, isCid } from '@atproto/lex-data'
import { isObject } from '../../../isObject.ts'
import { CarError } from '../../../repo/car/carError.ts'
import { indexKey } from '../../../repo/car/indexCar.ts'
import { type CarReader, readCar } from '../../../repo/car/readCar.ts'
import { blobRefs, type BlobReference } from '../../../repo/blobRefs.ts'
import { CborError, decodeBlock } from '../../../repo/cbor.ts'
import { NodeError, parseNodeUnchecked } from '../../../repo/tree/treeNode.ts'

/** What is kept of a block that is not part of the tree: a record, if the tree names it. */
export interface ReadRecord {
  /** How many blocks came before it. */
  readonly at: number
  /** What its `$type` says. */
  readonly type?: string
  readonly blobs: readonly BlobReference[]
  /** Why it is not what a record can be. */
  readonly problem?: string
}

/** A CAR that was read in little memory: of a record, only what is asked about it later. */
export interface ReadExport {
  readonly roots: readonly Cid[]
  /** Nodes of a tree, and the commit, by `indexKey`. */
  readonly blocks: ReadonlyMap<string, { readonly at: number; readonly bytes: Uint8Array }>
  readonly records: ReadonlyMap<string, ReadRecord>
  /** Blocks that were there already. */
  readonly repeated: number
  readonly bytes: number
  /** Why it was not read to its end. */
  readonly error?: CarError
}

const NO_BLOBS: readonly BlobReference[] = []

const isNode = (bytes: Uint8Array): boolean => {
  try {
    parseNodeUnchecked(bytes)
    return true
  } catch (cause) {
    if (cause instanceof NodeError) return false
    throw cause
  }
}

/** What a block says that is not a node. `types` has each text once, however many records have it. */
const readRecord = (bytes: Uint8Array, at: number, types: Map<string, string>): ReadRecord => {
  try {
    const block = decodeBlock(bytes)
    if (!isObject(block) || isCid(block) || block instanceof Uint8Array)
      return { at, blobs: NO_BLOBS, problem: 'not a map' }
    const { $type: type } = block
    const blobs = blobRefs(block)
    if (typeof type !== 'string') return { at, blobs, problem: 'a record without $type' }
    const known = types.get(type) ?? type
    types.set(known, known)
    return { at, type: known, blobs: blobs.length > 0 ? blobs : NO_BLOBS }
  } catch (cause) {
    if (!(cause instanceof CborError)) throw cause
    return { at, blobs: NO_BLOBS, problem: cause.message }
  }
}

/** Reads a CAR as it comes, up to so many bytes. What is wrong with it is in `error`; only a lost connection rejects. */
export async function readExport(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<ReadExport> {
  const blocks = new Map<string, { at: number; bytes: Uint8Array }>()
  const records = new Map<string, ReadRecord>()
  const types = new Map<string, string>()
  let repeated = 0
  let length = 0
  let car: CarReader | undefined
  let error: CarError | undefined
  async function* counted() {
    for await (const chunk of body) {
      length += chunk.length
      yield chunk
    }
  }
  try {
    car = await readCar(counted(), { total: maxBytes })
    const root = car.roots[0] && indexKey(car.roots[0])
    let at = 0
    for await (const { cid, bytes } of car) {
      const key = indexKey(cid)
      if (blocks.has(key) || records.has(key)) repeated++
      else if (key === root || isNode(bytes)) blocks.set(key, { at, bytes })
      else records.set(key, readRecord(bytes, at, types))
      at++
    }
  } catch (cause) {
    if (!(cause instanceof CarError)) throw cause
    error = cause
  }
  return { roots: car?.roots ?? [], blocks, records, repeated, bytes: length, ...(error && { error }) }
}
