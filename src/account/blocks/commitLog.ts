import type { Cid } from '@atproto/lex-data'
import type { Block } from '../../repo/block.ts'
import { SectionReader } from '../../repo/car/sectionReader.ts'
import { carSection } from '../../repo/car/writeCar.ts'
import { CID_LENGTH, cidKeyAt, sameCid } from '../../repo/cidBytes.ts'
import { DigestTable } from '../../repo/digestTable.ts'
import { bytes, type Sql } from '../db/sql.ts'
import { ABOVE_ALL_REVS, type BlockLocation } from './blockLocation.ts'
import { LruCache } from './lruCache.ts'

/** Bytes of sections in a row. With as many bytes of dropped CIDs beside them, it stays below the 2 MB of a row. */
const ROW_BYTES = 1_000_000
const DROPPED_BYTES = Math.floor(ROW_BYTES / CID_LENGTH) * CID_LENGTH
/** Rows read at a time. Those of large records have 1 MB each: a page ends early so that it does not fill the memory. */
const PAGE_ROWS = 200
const PAGE_BYTES = 2 * 1024 * 1024

/** A row of the commit log. */
interface CommitRow {
  n: number
  rev: string
  /** The sections of the blocks that the commit added. */
  bytes: Uint8Array
  /** The CIDs that it dropped, one after the other. */
  dropped: Uint8Array
}

/**
 * The blocks of each commit since the last pack, in the table `loose`: one row a commit (a large one has several),
 * as sections of a CAR, and beside them the CIDs of the blocks that it dropped. Where each block is in it is only
 * known in memory, and is read once each time that the object starts.
 */
export class CommitLog {
  readonly #sql: Sql
  readonly #seed: number
  readonly #rows: LruCache<Uint8Array>
  /** For each block that was added, its row and the offset in it. */
  #added: DigestTable | undefined
  /** For each block that was dropped, the row that dropped it. */
  #dropped: DigestTable | undefined
  readonly #revs = new Map<number, string>()
  #rollbacks = 0
  /** The last row that is in memory. */
  #indexed = 0
  /** Whether rows have been deleted that are still in memory. */
  #isStale = false

  constructor(sql: Sql, seed: number, cacheBytes: number) {
    this.#sql = sql
    this.#seed = seed
    this.#rows = new LruCache(cacheBytes, (row) => row.length)
  }

  /** Writes what a commit adds and drops. */
  append(rev: string, now: number, blocks: readonly Block[], dropped: readonly Cid[]): void {
    this.#sql.assertTransaction()
    this.refresh()
    let left = Buffer.concat(dropped.map((cid) => cid.bytes))
    for (let i = 0; i < blocks.length || left.length > 0;) {
      const sections: Uint8Array[] = []
      let size = 0
      for (; i < blocks.length && (size === 0 || size + (blocks[i]?.bytes.length ?? 0) < ROW_BYTES); i++) {
        const block = blocks[i]
        if (!block) break
        const section = carSection(block.cid, block.bytes)
        sections.push(section)
        size += section.length
      }
      const row = new Uint8Array(Buffer.concat(sections))
      const n = this.last() + 1
      this.#sql.run(
        'INSERT INTO loose (n, rev, at, dropped, bytes) VALUES (?, ?, ?, ?, ?)',
        n,
        rev,
        now,
        left.subarray(0, DROPPED_BYTES),
        row,
      )
      this.#rows.delete(n)
      this.#add({ n, rev, bytes: row, dropped: left.subarray(0, DROPPED_BYTES) })
      left = left.subarray(DROPPED_BYTES)
    }
  }

  /** The number of the last row, which may have been packed and deleted; 0 where there never was one. */
  last(): number {
    const row = this.#sql.first<{ n: number }>(
      'SELECT max(coalesce((SELECT max(n) FROM loose), 0), coalesce((SELECT max(loose) FROM pack), 0)) AS n',
    )
    return row?.n ?? 0
  }

  /**
   * The newest location of the CID at `offset` of `cid`, of a revision that is not above `upTo`, in a row after
   * `afterRow`.
   */
  find(cid: Uint8Array, offset = 0, upTo = ABOVE_ALL_REVS, afterRow = 0): BlockLocation | undefined {
    const table = this.#index()
    const all = table.slots(cid, offset)
    // The newest first, so that of many only one row is read.
    const slots = all.length > 1 ? all.toSorted((a, b) => table.first(b) - table.first(a)) : all
    for (const slot of slots) {
      const row = table.first(slot)
      const addedIn = this.#revs.get(row)
      if (row <= afterRow || addedIn === undefined || addedIn > upTo) continue
      const section = new SectionReader(this.#row(row), table.second(slot))
      if (section.next() && sameCid(section.bytes, section.cidAt, cid, offset))
        return { row, addedIn, section }
    }
    return undefined
  }

  /** Whether a row after `n`, of a revision that is not above `upTo`, dropped the CID at `offset` of `cid`. */
  isDroppedAfter(n: number, cid: Uint8Array, offset = 0, upTo = ABOVE_ALL_REVS): boolean {
    this.#index()
    const table = this.#dropped
    if (!table) return false
    for (const slot of table.slots(cid, offset)) {
      const row = table.first(slot)
      const rev = this.#revs.get(row)
      if (row <= n || rev === undefined || rev > upTo) continue
      // The table has only the first 32 bits of the digest.
      const dropped = 'SELECT 1 AS yes FROM loose WHERE n = ? AND instr(dropped, ?)'
      if (this.#sql.first(dropped, row, cid.subarray(offset, offset + CID_LENGTH))) return true
    }
    return false
  }

  /** The revision of a row. */
  revOf(n: number): string | undefined {
    this.#index()
    return this.#revs.get(n)
  }

  /** What each row after `n` dropped, in order. */
  *drops(n: number): Generator<Omit<CommitRow, 'bytes'>> {
    type Row = { n: number; rev: string; dropped: ArrayBuffer }
    for (const row of this.#pages<Row>('n, rev, dropped', n)) yield { ...row, dropped: bytes(row.dropped) }
  }

  /** Everything that was dropped in rows after `n`: by `cidKeyAt`, the last row that dropped it. */
  droppedAfter(n: number): Map<string, number> {
    const last = new Map<string, number>()
    for (const { n: row, dropped } of this.drops(n))
      for (let offset = 0; offset < dropped.length; offset += CID_LENGTH)
        last.set(cidKeyAt(dropped, offset), row)
    return last
  }

  /** Every row after `n`, in order. */
  *rows(n = 0): Generator<CommitRow> {
    type Row = { n: number; rev: string; dropped: ArrayBuffer; bytes: ArrayBuffer }
    for (const row of this.#pages<Row>('n, rev, dropped, bytes', n))
      yield { n: row.n, rev: row.rev, bytes: bytes(row.bytes), dropped: bytes(row.dropped) }
  }

  /** Deletes rows up to `n`, at most `limit` of them; `more`: there may be others. */
  delete(n: number, limit: number): { deleted: number; more: boolean } {
    const deleted = this.#sql.run(
      'DELETE FROM loose WHERE n IN (SELECT n FROM loose WHERE n <= ? ORDER BY n LIMIT ?)',
      n,
      limit,
    )
    // Locations in deleted rows are ignored until the last row to delete is gone; then the rows left are read again.
    const first = this.#sql.first<{ n: number | null }>('SELECT min(n) AS n FROM loose')?.n ?? Infinity
    for (const row of this.#revs.keys()) if (row < first) this.#revs.delete(row)
    this.#isStale ||= deleted > 0
    if (this.#isStale && deleted < limit) this.#forget()
    return { deleted, more: deleted >= limit }
  }

  *#pages<Row extends { n: number }>(columns: string, from: number): Generator<Row> {
    for (let after = from; ;) {
      const sizes = this.#sql.all<{ n: number; size: number }>(
        `SELECT n, length(dropped) + length(bytes) AS size FROM loose WHERE n > ? ORDER BY n LIMIT ${PAGE_ROWS}`,
        after,
      )
      let size = 0
      const last = sizes.find((row) => (size += row.size) >= PAGE_BYTES) ?? sizes.at(-1)
      if (!last) return
      yield* this.#sql.all<Row & Record<string, SqlStorageValue>>(
        `SELECT ${columns} FROM loose WHERE n > ? AND n <= ? ORDER BY n`,
        after,
        last.n,
      )
      after = last.n
    }
  }

  /** Reads rows that another object wrote; returns whether there were any. */
  refresh(): boolean {
    const known = this.#indexed
    this.#index()
    this.#read()
    return this.#indexed > known
  }

  #forget(): void {
    this.#isStale = false
    this.#indexed = 0
    this.#added = this.#dropped = undefined
    this.#revs.clear()
    this.#rows.clear()
  }

  #index(): DigestTable {
    // A transaction that failed may have taken rows back.
    if (this.#rollbacks !== this.#sql.rollbacks) this.#forget()
    this.#rollbacks = this.#sql.rollbacks
    if (!this.#added) this.#read()
    return (this.#added ??= new DigestTable(this.#seed))
  }

  #read(): void {
    for (const row of this.rows(this.#indexed)) this.#add(row)
  }

  #add({ n, rev, bytes: row, dropped }: CommitRow): void {
    const added = (this.#added ??= new DigestTable(this.#seed))
    const sections = new SectionReader(row)
    while (sections.next()) added.add(row, sections.cidAt, n, sections.start)
    const droppedTable = (this.#dropped ??= new DigestTable(this.#seed))
    for (let offset = 0; offset < dropped.length; offset += CID_LENGTH)
      droppedTable.add(dropped, offset, n, 0)
    this.#revs.set(n, rev)
    this.#indexed = n
  }

  #row(n: number): Uint8Array {
    const cached = this.#rows.get(n)
    if (cached) return cached
    const row = this.#sql.first<{ bytes: ArrayBuffer }>('SELECT bytes FROM loose WHERE n = ?', n)
    return this.#rows.set(n, row ? bytes(row.bytes) : new Uint8Array(0))
  }
}
