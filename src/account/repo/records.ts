import type { Cid, LexMap } from '@atproto/lex-data'
import { cidKey } from '../../repo/cid.ts'
import { CborError, decodeBlock } from '../../repo/cbor.ts'
import { MAP } from '../../repo/cborReader.ts'
import { parseNodeUnchecked, type TreeNode } from '../../repo/tree/treeNode.ts'
import { findRecord, recordsAfter, recordsBefore, type TreeRecord } from '../../repo/tree/treeSearch.ts'
import type { Blocks } from '../blocks/blocks.ts'
import { readHead } from '../db/head.ts'
import type { Sql } from '../db/sql.ts'
import { LruCache } from '../blocks/lruCache.ts'
import { splitPath } from './recordPath.ts'

export interface StoredRecord {
  collection: string
  rkey: string
  cid: Cid
  bytes: Uint8Array
}

/** The records of the current tree. The tree itself is the index: a record is found by going down from its root. */
export interface Records {
  get(collection: string, rkey: string): StoredRecord | undefined
  /** The CID of the record under a path, `collection/rkey`. */
  cid(path: string): Cid | undefined
  /**
   * A page of a collection, newest record key first, or oldest first with `reverse`. The cursor is the last record key;
   * there is one only where more records follow.
   */
  list(options: { collection: string; limit: number; cursor?: string; reverse?: boolean }): {
    records: StoredRecord[]
    cursor?: string
  }
  /** The collections that have records, in order. Goes down the tree once for each. */
  collections(): string[]
  /** How many records each collection has. Reads every node: for manifests and checks. */
  countByCollection(): Record<string, number>
  /** All records in order. Commits may be written meanwhile: the generator stays with the tree that it began with. */
  entries(): Generator<TreeRecord>
}

export interface RecordsDeps {
  sql: Sql
  blocks: Blocks
}

/** A record has up to 1 MB, and a page up to 100 records: a page ends early, so that it does not fill the memory. */
const PAGE_BYTES = 4 * 1024 * 1024

/**
 * How much of the tree is kept in memory, counted in entries of its nodes: a node has about four, but an imported tree may
 * have been made so that one has thousands. Nodes are named by their content, so none is ever out of date.
 */
const CACHED_ENTRIES = 4096

/**
 * A record's value. Undefined for one that the specification forbids: it came in with a repository, signed like that, and
 * is served as bytes.
 */
export const recordValue = (block: Uint8Array): LexMap | undefined => {
  try {
    const value = decodeBlock(block)
    // The major type of its first byte: a map, which decodes to one.
    return (block[0] ?? 0) >> 5 === MAP ? (value as LexMap) : undefined
  } catch (cause) {
    if (cause instanceof CborError) return undefined
    throw cause
  }
}

export const createRecords = ({ sql, blocks }: RecordsDeps): Records => {
  const nodes = new LruCache<TreeNode>(CACHED_ENTRIES, ({ entries }) => 1 + entries.length)

  const node = (cid: Cid): TreeNode => {
    const key = cidKey(cid)
    const known = nodes.get(key)
    if (known) return known
    const block = blocks.read(cid)
    if (!block) throw new Error(`the tree node ${cid} is missing`)
    return nodes.set(key, parseNodeUnchecked(block))
  }

  const stored = ({ path, cid }: TreeRecord): StoredRecord => {
    const block = blocks.read(cid)
    if (!block) throw new Error(`the record ${path} has no block`)
    return { ...splitPath(path), cid, bytes: block }
  }

  function* after(path: string): Generator<TreeRecord> {
    const head = readHead(sql)
    if (head) yield* recordsAfter(head.data, path, node)
  }

  function* before(path: string): Generator<TreeRecord> {
    const head = readHead(sql)
    if (head) yield* recordsBefore(head.data, path, node)
  }

  const findCid = (path: string): Cid | undefined => {
    const head = readHead(sql)
    return head && findRecord(head.data, path, node)
  }

  return {
    get: (collection, rkey) => {
      const path = `${collection}/${rkey}`
      const cid = findCid(path)
      return cid && stored({ path, cid })
    },
    cid: findCid,
    list: ({ collection, limit, cursor, reverse = false }) => {
      // '0' is the character after '/': the range of one collection.
      const low = reverse && cursor !== undefined ? `${collection}/${cursor}` : `${collection}/`
      const high = !reverse && cursor !== undefined ? `${collection}/${cursor}` : `${collection}0`
      const records: StoredRecord[] = []
      let size = 0
      for (const entry of reverse ? after(low) : before(high)) {
        if (entry.path <= low || entry.path >= high) break
        const last = records.at(-1)
        if (last && (records.length === limit || size >= PAGE_BYTES)) return { records, cursor: last.rkey }
        const record = stored(entry)
        records.push(record)
        size += record.bytes.length
      }
      return { records }
    },
    collections: () => {
      const found: string[] = []
      for (let last = ''; ;) {
        const { value } = after(last).next()
        if (!value) return found
        const { collection } = splitPath(value.path)
        found.push(collection)
        last = `${collection}0`
      }
    },
    countByCollection: () => {
      const counts: Record<string, number> = {}
      for (const { path } of after('')) {
        const { collection } = splitPath(path)
        counts[collection] = (counts[collection] ?? 0) + 1
      }
      return counts
    },
    entries: () => after(''),
  }
}
