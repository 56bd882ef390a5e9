import type { Cid, LexMap } from '@atproto/lex-data'
import { isValidNsid, isValidRecordKey } from '@atproto/syntax'
import { cidKey } from '../../repo/cid.ts'
import { decodeBlock } from '../../repo/cbor.ts'
import { readNode, type TreeNode } from '../../repo/treeNode.ts'
import { findRecord, recordsAfter, recordsBefore, type TreeRecord } from '../../repo/treeSearch.ts'
import { error } from '../../xrpc/errors.ts'
import type { Blocks } from '../blocks/blocks.ts'
import type { Head } from '../db/accountRow.ts'
import { LruCache } from '../blocks/lruCache.ts'

export interface StoredRecord {
  collection: string
  rkey: string
  cid: Cid
  bytes: Uint8Array
}

const MAX_PATH = 1024
// A record has up to 1 MB and a page up to 100 of them: a page ends early rather than fill the memory.
const PAGE_BYTES = 4 * 1024 * 1024

/** `collection/rkey`, or `InvalidRequest` where one of them has another form than the specification's. */
export const recordPath = (collection: string, rkey: string): string => {
  if (!isValidNsid(collection))
    throw error('InvalidRequest', `not a collection: ${JSON.stringify(collection)}`)
  if (!isValidRecordKey(rkey)) throw error('InvalidRequest', `not a record key: ${JSON.stringify(rkey)}`)
  const path = `${collection}/${rkey}`
  if (path.length > MAX_PATH)
    throw error('InvalidRequest', `a record path of more than ${MAX_PATH} characters`)
  return path
}

/** The two halves of a path from the index. */
export const splitPath = (path: string): { collection: string; rkey: string } => {
  const slash = path.indexOf('/')
  return { collection: path.slice(0, slash), rkey: path.slice(slash + 1) }
}

/** A record's value. Every record is a map: it was checked on its way in. */
export const recordValue = (block: Uint8Array): LexMap => decodeBlock(block) as LexMap

// Entries of nodes kept in memory. They are named by their content, so that none is ever out of date. A node
// has some four entries, but an imported tree may have been made so that one has thousands.
const ENTRIES = 4096

/** The current tree's records, found by going down the tree: it is the index. */
export class Records {
  readonly #blocks: Blocks
  readonly #head: () => Head | undefined
  readonly #nodes = new LruCache<TreeNode>(ENTRIES, ({ entries }) => 1 + entries.length)

  constructor(blocks: Blocks, head: () => Head | undefined) {
    this.#blocks = blocks
    this.#head = head
  }

  get(collection: string, rkey: string): StoredRecord | undefined {
    const path = `${collection}/${rkey}`
    const cid = this.cid(path)
    return cid && this.#stored({ path, cid })
  }

  cid(path: string): Cid | undefined {
    const head = this.#head()
    return head && findRecord(head.data, path, this.#node)
  }

  /**
   * A page, newest record key first, or oldest first with `reverse`. The cursor is the last record
   * key; there is one only where more records follow.
   */
  list(options: { collection: string; limit: number; cursor?: string; reverse?: boolean }): {
    records: StoredRecord[]
    cursor?: string
  } {
    const { collection, limit, cursor, reverse = false } = options
    // '0' is the character after '/': the range of one collection.
    const low = reverse && cursor !== undefined ? `${collection}/${cursor}` : `${collection}/`
    const high = !reverse && cursor !== undefined ? `${collection}/${cursor}` : `${collection}0`
    const records: StoredRecord[] = []
    let size = 0
    for (const entry of reverse ? this.#after(low) : this.#before(high)) {
      if (entry.path <= low || entry.path >= high) break
      const last = records.at(-1)
      if (last && (records.length === limit || size >= PAGE_BYTES)) return { records, cursor: last.rkey }
      const record = this.#stored(entry)
      records.push(record)
      size += record.bytes.length
    }
    return { records }
  }

  /** The collections that hold records, in order: one way down the tree for each. */
  collections(): string[] {
    const found: string[] = []
    for (let after = ''; ;) {
      const { value } = this.#after(after).next()
      if (!value) return found
      const { collection } = splitPath(value.path)
      found.push(collection)
      after = `${collection}0`
    }
  }

  /** How many records each collection has. Reads every node: for manifests and checks. */
  countByCollection(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { path } of this.entries()) {
      const { collection } = splitPath(path)
      counts[collection] = (counts[collection] ?? 0) + 1
    }
    return counts
  }

  /** All of them in order. Commits may follow meanwhile: it stays with the tree that it began with. */
  entries(): Generator<TreeRecord> {
    return this.#after('')
  }

  *#after(path: string): Generator<TreeRecord> {
    const head = this.#head()
    if (head) yield* recordsAfter(head.data, path, this.#node)
  }

  *#before(path: string): Generator<TreeRecord> {
    const head = this.#head()
    if (head) yield* recordsBefore(head.data, path, this.#node)
  }

  readonly #node = (cid: Cid): TreeNode => {
    const key = cidKey(cid)
    const known = this.#nodes.get(key)
    if (known) return known
    const block = this.#blocks.read(cid)
    if (!block) throw new Error(`the tree node ${cid} is missing`)
    return this.#nodes.set(key, readNode(block))
  }

  #stored({ path, cid }: TreeRecord): StoredRecord {
    const block = this.#blocks.read(cid)
    if (!block) throw new Error(`the record ${path} has no block`)
    return { ...splitPath(path), cid, bytes: block }
  }
}
