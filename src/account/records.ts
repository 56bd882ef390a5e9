import { type Cid, decodeCid, type LexMap } from '@atproto/lex-data'
import { isValidNsid, isValidRecordKey } from '@atproto/syntax'
import { decodeBlock } from '../repo/cbor.ts'
import { error } from '../xrpc/errors.ts'
import { bytes, type Sql } from './sql.ts'

export interface StoredRecord {
  collection: string
  rkey: string
  cid: Cid
  bytes: Uint8Array
}

type Row = { path: string; cid: ArrayBuffer }

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

/** The index of the current tree's records. */
export class Records {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  get(collection: string, rkey: string): StoredRecord | undefined {
    const row = this.#sql.first<Row>('SELECT path, cid FROM record WHERE path = ?', `${collection}/${rkey}`)
    return row && this.#stored(row)
  }

  cid(path: string): Cid | undefined {
    const row = this.#sql.first<{ cid: ArrayBuffer }>('SELECT cid FROM record WHERE path = ?', path)
    return row && decodeCid(bytes(row.cid))
  }

  /** Whether some path holds this record. */
  refersTo(cid: Cid): boolean {
    return this.#sql.first('SELECT 1 AS yes FROM record WHERE cid = ? LIMIT 1', cid.bytes) !== undefined
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
    const rows = this.#sql.all<Row>(
      `SELECT path, cid FROM record WHERE path > ? AND path < ? ORDER BY path ${reverse ? 'ASC' : 'DESC'} LIMIT ?`,
      low,
      high,
      limit + 1,
    )
    const records: StoredRecord[] = []
    let size = 0
    for (const row of rows.slice(0, limit)) {
      const record = this.#stored(row)
      records.push(record)
      size += record.bytes.length
      if (size >= PAGE_BYTES) break
    }
    const last = records.at(-1)
    return rows.length > records.length && last ? { records, cursor: last.rkey } : { records }
  }

  /** The collections that hold records, in order: one index probe each. */
  collections(): string[] {
    const found: string[] = []
    let after = ''
    for (;;) {
      const row = this.#sql.first<{ path: string }>(
        'SELECT path FROM record WHERE path >= ? ORDER BY path LIMIT 1',
        after,
      )
      if (!row) return found
      const { collection } = splitPath(row.path)
      found.push(collection)
      after = `${collection}0`
    }
  }

  /** How many records each collection has. Reads the whole index: for manifests and checks. */
  countByCollection(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const collection of this.collections()) {
      const row = this.#sql.first<{ count: number }>(
        'SELECT count(*) AS count FROM record WHERE path > ? AND path < ?',
        `${collection}/`,
        `${collection}0`,
      )
      counts[collection] = row?.count ?? 0
    }
    return counts
  }

  /** The whole index in order, by keyset pages: rows may be written and deleted behind it. */
  *entries(): Generator<{ path: string; cid: Cid }, undefined, void> {
    let after = ''
    for (;;) {
      const rows = this.#sql.all<Row>(
        'SELECT path, cid FROM record WHERE path > ? ORDER BY path LIMIT 1000',
        after,
      )
      for (const { path, cid } of rows) yield { path, cid: decodeCid(bytes(cid)) }
      const last = rows.at(-1)
      if (!last) return undefined
      after = last.path
    }
  }

  #stored(row: Row): StoredRecord {
    const block = this.#sql.first<{ bytes: ArrayBuffer }>(
      'SELECT bytes FROM block WHERE cid = ? LIMIT 1',
      row.cid,
    )
    if (!block) throw new Error(`the record ${row.path} has no block`)
    return { ...splitPath(row.path), cid: decodeCid(bytes(row.cid)), bytes: bytes(block.bytes) }
  }

  put(path: string, cid: Cid, rev: string): void {
    this.#sql.run(
      `INSERT INTO record (path, cid, rev) VALUES (?, ?, ?)
       ON CONFLICT (path) DO UPDATE SET cid = excluded.cid, rev = excluded.rev`,
      path,
      cid.bytes,
      rev,
    )
  }

  delete(path: string): void {
    this.#sql.run('DELETE FROM record WHERE path = ?', path)
  }
}
