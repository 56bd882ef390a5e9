import type { Cid } from '@atproto/lex-data'
import type { Block } from '../../repo/block.ts'
import { carSection } from '../../repo/writeCar.ts'
import { CID_LENGTH } from '../../repo/cborReader.ts'
import { DigestTable } from '../../repo/digestTable.ts'
import { keyAt, sameCid, SectionReader } from '../../repo/sectionReader.ts'
import { bytes, type Sql } from '../db/sql.ts'
import { LruCache } from './lruCache.ts'
import type { BlockLocation } from './blockLocation.ts'

// Below the 2 MB of a row, with what was dropped beside it.
const ROW = 1_000_000
const DROPPED = Math.floor(ROW / CID_LENGTH) * CID_LENGTH
// A commit of large records has rows of 1 MB: a page ends early rather than fill the memory.
const PAGE = { rows: 200, bytes: 2 * 1024 * 1024 }

interface LooseRow {
  n: number
  rev: string
  bytes: Uint8Array
  dropped: Uint8Array
}

/**
 * The blocks of each commit since the last pack: one row a commit, in the form of a CAR, and beside them
 * the CIDs of those that it dropped. Where they are is known in memory, read once in each life.
 */
export class CommitLog {
  readonly #sql: Sql
  readonly #seed: number
  readonly #rows: LruCache<Uint8Array>
  #table: DigestTable | undefined
  /** What was dropped, and by which row. */
  #dropped: DigestTable | undefined
  readonly #revs = new Map<number, string>()
  #rollbacks = 0
  #indexed = 0
  /** Rows have been deleted whose places are still in memory. */
  #isStale = false

  constructor(sql: Sql, seed: number, cacheBytes: number) {
    this.#sql = sql
    this.#seed = seed
    this.#rows = new LruCache(cacheBytes, (row) => row.length)
  }

  /** What a commit adds and takes away. */
  append(rev: string, now: number, blocks: readonly Block[], dropped: readonly Cid[]): void {
    this.#sql.assertTransaction()
    this.refresh()
    let gone = Buffer.concat(dropped.map((cid) => cid.bytes))
    for (let i = 0; i < blocks.length || gone.length > 0;) {
      const sections: Uint8Array[] = []
      let size = 0
      for (; i < blocks.length && (size === 0 || size + (blocks[i]?.bytes.length ?? 0) < ROW); i++) {
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
        gone.subarray(0, DROPPED),
        row,
      )
      this.#rows.delete(n)
      this.#add({ n, rev, bytes: row, dropped: gone.subarray(0, DROPPED) })
      gone = gone.subarray(DROPPED)
    }
  }

  /** The number of the last row; 0: there never was one since the last pack that covers all. */
  last(): number {
    const row = this.#sql.first<{ n: number }>(
      'SELECT max(coalesce((SELECT max(n) FROM loose), 0), coalesce((SELECT max(loose) FROM pack), 0)) AS n',
    )
    return row?.n ?? 0
  }

  /** The newest place of the CID at `at` of `cid`, of a revision not above `upTo`, in a row after `from`. */
  find(cid: Uint8Array, at = 0, upTo = '~', from = 0): BlockLocation | undefined {
    const table = this.#index()
    const all = table.slots(cid, at)
    // Of many only one row is read.
    const slots = all.length > 1 ? all.toSorted((a, b) => table.first(b) - table.first(a)) : all
    for (const slot of slots) {
      const n = table.first(slot)
      const made = this.#revs.get(n)
      if (n <= from || made === undefined || made > upTo) continue
      const section = new SectionReader(this.#row(n), table.second(slot))
      if (section.next() && sameCid(section.bytes, section.cid, cid, at)) return { n, made, section }
    }
    return undefined
  }

  /** Whether a row after `n`, of a revision not above `upTo`, dropped the CID at `at` of `cid`. */
  isDroppedAfter(n: number, cid: Uint8Array, at = 0, upTo = '~'): boolean {
    this.#index()
    const table = this.#dropped
    if (!table) return false
    for (const slot of table.slots(cid, at)) {
      const row = table.first(slot)
      const rev = this.#revs.get(row)
      if (row <= n || rev === undefined || rev > upTo) continue
      // The table knows the beginning of the digest only.
      const dropped = 'SELECT 1 AS yes FROM loose WHERE n = ? AND instr(dropped, ?)'
      if (this.#sql.first(dropped, row, cid.subarray(at, at + CID_LENGTH))) return true
    }
    return false
  }

  /** The revision of a row. */
  revOf(n: number): string | undefined {
    this.#index()
    return this.#revs.get(n)
  }

  /** What each row after `n` dropped, in order. */
  *drops(n: number): Generator<Omit<LooseRow, 'bytes'>> {
    type Row = { n: number; rev: string; dropped: ArrayBuffer }
    for (const row of this.#pages<Row>('n, rev, dropped', n)) yield { ...row, dropped: bytes(row.dropped) }
  }

  /** Everything dropped in rows after `n`: by `keyAt`, the last row that dropped it. */
  droppedAfter(n: number): Map<string, number> {
    const last = new Map<string, number>()
    for (const { n: row, dropped } of this.drops(n))
      for (let at = 0; at < dropped.length; at += CID_LENGTH) last.set(keyAt(dropped, at), row)
    return last
  }

  /** Every row after `n`, in order. */
  *rows(n = 0): Generator<LooseRow> {
    type Row = { n: number; rev: string; dropped: ArrayBuffer; bytes: ArrayBuffer }
    for (const row of this.#pages<Row>('n, rev, dropped, bytes', n))
      yield { n: row.n, rev: row.rev, bytes: bytes(row.bytes), dropped: bytes(row.dropped) }
  }

  /** Deletes rows up to `n`, about `limit` of them. */
  delete(n: number, limit: number): { deleted: number; more: boolean } {
    const deleted = this.#sql.run(
      'DELETE FROM loose WHERE n IN (SELECT n FROM loose WHERE n <= ? ORDER BY n LIMIT ?)',
      n,
      limit,
    )
    // Places in rows that are gone are passed over; only at the end all that is left is read again.
    const first = this.#sql.first<{ n: number | null }>('SELECT min(n) AS n FROM loose')?.n ?? Infinity
    for (const row of this.#revs.keys()) if (row < first) this.#revs.delete(row)
    this.#isStale ||= deleted > 0
    if (this.#isStale && deleted < limit) this.#forget()
    return { deleted, more: deleted >= limit }
  }

  *#pages<Row extends { n: number }>(columns: string, from: number): Generator<Row> {
    for (let after = from; ;) {
      const sizes = this.#sql.all<{ n: number; size: number }>(
        `SELECT n, length(dropped) + length(bytes) AS size FROM loose WHERE n > ? ORDER BY n LIMIT ${PAGE.rows}`,
        after,
      )
      let size = 0
      const last = sizes.find((row) => (size += row.size) >= PAGE.bytes) ?? sizes.at(-1)
      if (!last) return
      yield* this.#sql.all<Row & Record<string, SqlStorageValue>>(
        `SELECT ${columns} FROM loose WHERE n > ? AND n <= ? ORDER BY n`,
        after,
        last.n,
      )
      after = last.n
    }
  }

  /** Takes note of rows that another object wrote; answers whether there were any. */
  refresh(): boolean {
    const known = this.#indexed
    this.#index()
    this.#read()
    return this.#indexed > known
  }

  #forget(): void {
    this.#isStale = false
    this.#indexed = 0
    this.#table = this.#dropped = undefined
    this.#revs.clear()
    this.#rows.clear()
  }

  #index(): DigestTable {
    // A transaction that failed took rows back.
    if (this.#rollbacks !== this.#sql.rollbacks) this.#forget()
    this.#rollbacks = this.#sql.rollbacks
    if (!this.#table) this.#read()
    return (this.#table ??= new DigestTable(this.#seed))
  }

  #read(): void {
    for (const row of this.rows(this.#indexed)) this.#add(row)
  }

  #add({ n, rev, bytes: row, dropped }: LooseRow): void {
    const table = (this.#table ??= new DigestTable(this.#seed))
    const sections = new SectionReader(row)
    while (sections.next()) table.add(row, sections.cid, n, sections.start)
    const gone = (this.#dropped ??= new DigestTable(this.#seed))
    for (let at = 0; at < dropped.length; at += CID_LENGTH) gone.add(dropped, at, n, 0)
    this.#revs.set(n, rev)
    this.#indexed = n
  }

  #row(n: number): Uint8Array {
    const known = this.#rows.get(n)
    if (known) return known
    const row = this.#sql.first<{ bytes: ArrayBuffer }>('SELECT bytes FROM loose WHERE n = ?', n)
    return this.#rows.set(n, row ? bytes(row.bytes) : new Uint8Array(0))
  }
}
