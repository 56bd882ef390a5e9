import type { SectionReader } from '../../repo/sectionReader.ts'
import type { Sql } from '../db/sql.ts'
import { bucketOf, ENTRY, type Pack } from './packs.ts'
import { RUN } from './packSegment.ts'
import { SectionRows } from './sectionRows.ts'

/** Bytes of a part. A larger block has one of its own. */
const PART = 64 * 1024
const PER_BUCKET = 256

/** As what a block stands in the tree; the commit counts as a node. */
export type Kind = 'node' | 'record'

/** Writes a pack: parts as the blocks come, then the buckets, then the row that makes it the current one. */
export class PackWriter {
  readonly #sql: Sql
  readonly #seed: number
  readonly #first: number
  /** The parts. Records are marked. */
  readonly #rows: SectionRows
  #runs: { at: number; made: string }[] = []

  constructor(sql: Sql, seed: number) {
    this.#sql = sql
    this.#seed = seed
    sweep(sql)
    this.#first = (sql.first<{ n: number }>('SELECT coalesce(max(n), 0) AS n FROM part')?.n ?? 0) + 1
    this.#rows = new SectionRows({
      seed,
      size: PART,
      first: this.#first,
      write: (n, row) => this.#write(n, row),
      read: (n) => sql.first<{ bytes: ArrayBuffer }>('SELECT bytes FROM part WHERE n = ?', n)?.bytes,
    })
  }

  get blocks(): number {
    return this.#rows.table.size
  }

  /** The next block, none of those before. */
  add(section: SectionReader, made: string, kind: Kind): void {
    this.#rows.reserve(section)
    if (this.#runs.at(-1)?.made !== made) this.#runs.push({ at: this.#rows.length, made })
    this.#rows.add(section, kind === 'record')
  }

  /** The block of the CID at `at` of `cid`, if it has been written; good until the next is added. */
  find(cid: Uint8Array, at = 0): { kind: Kind; section: SectionReader } | undefined {
    const found = this.#rows.find(cid, at)
    return found && { kind: found.isMarked ? 'record' : 'node', section: found.section }
  }

  #write(n: number, row: Uint8Array): void {
    const made = Buffer.alloc(this.#runs.length * RUN)
    for (const [i, run] of this.#runs.entries()) {
      made.writeUInt32BE(run.at, i * RUN)
      made.write(run.made, i * RUN + 4, 'latin1')
    }
    this.#runs = []
    this.#sql.run('INSERT INTO part (n, made, bytes) VALUES (?, ?, ?)', n, made, row)
  }

  /** Writes the last part and the buckets; what it answers makes the pack the current one, in a transaction. */
  finish(): (of: { rev: string; loose: number; at: number }) => void {
    const sql = this.#sql
    this.#rows.flush()
    const pack = {
      id: (sql.first<{ id: number }>('SELECT coalesce(max(id), 0) AS id FROM pack')?.id ?? 0) + 1,
      seed: this.#seed,
      buckets: Math.ceil(this.blocks / PER_BUCKET),
    }
    this.#writeBuckets(pack)
    const [first, last] = [this.#first, this.#rows.n - 1]
    return ({ rev, loose, at }) => {
      sql.assertTransaction()
      this.#assertStored(pack.id, last)
      sql.run(
        'INSERT INTO pack (id, rev, first, last, loose, seed, buckets, blocks, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        ...[pack.id, rev, first, last, loose, pack.seed, pack.buckets, this.blocks, at],
      )
    }
  }

  /** All else will be deleted on the strength of this pack: its rows are there, and nobody else's. */
  #assertStored(id: number, last: number): void {
    const stored = this.#sql.first<{ parts: number; size: number; entries: number }>(
      `SELECT count(*) AS parts, total(length(bytes)) AS size,
         (SELECT total(length(entries)) FROM bucket WHERE pack = ?) AS entries
       FROM part WHERE n >= ?`,
      id,
      this.#first,
    )
    const parts = last - this.#first + 1
    if (stored?.parts !== parts || stored.size !== this.#rows.total || stored.entries !== this.blocks * ENTRY)
      throw new Error(`a pack of ${parts} parts is not stored as it was written`)
  }

  /** Counts, then places: every entry once, in the bucket that is its own. */
  #writeBuckets(pack: Pick<Pack, 'id' | 'seed' | 'buckets'>): void {
    const { table } = this.#rows
    const ends = new Uint32Array(pack.buckets)
    for (let slot = 0; slot < table.size; slot++) {
      const bucket = bucketOf(table.digest(slot), pack)
      ends[bucket] = (ends[bucket] ?? 0) + 1
    }
    for (let i = 1; i < ends.length; i++) ends[i] = (ends[i] ?? 0) + (ends[i - 1] ?? 0)
    const starts = Uint32Array.from(ends, (_, i) => ends[i - 1] ?? 0)
    const next = starts.slice()
    const order = new Uint32Array(this.blocks)
    for (let slot = 0; slot < table.size; slot++) {
      const bucket = bucketOf(table.digest(slot), pack)
      const at = next[bucket] ?? 0
      order[at] = slot
      next[bucket] = at + 1
    }
    for (let bucket = 0; bucket < pack.buckets; bucket++) {
      const slots = order.subarray(starts[bucket], ends[bucket])
      const entries = new DataView(new ArrayBuffer(slots.length * ENTRY))
      slots.forEach((slot, i) => {
        entries.setUint32(i * ENTRY, table.digest(slot))
        entries.setUint32(i * ENTRY + 4, table.first(slot))
        entries.setUint32(i * ENTRY + 8, this.#rows.place(slot))
      })
      this.#sql.run('INSERT INTO bucket (pack, n, entries) VALUES (?, ?, ?)', pack.id, bucket, entries)
    }
  }
}

/** Takes away what belongs to no pack: one that was not finished. */
export const sweep = (sql: Sql): void => {
  sql.transaction(() => {
    sql.run('DELETE FROM part WHERE n > (SELECT coalesce(max(last), 0) FROM pack)')
    sql.run('DELETE FROM bucket WHERE pack > (SELECT coalesce(max(id), 0) FROM pack)')
  })
}
