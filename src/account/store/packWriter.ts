import { DigestTable } from '../../repo/digestTable.ts'
import type { Sections } from '../../repo/section.ts'
import { bytes, type Sql } from '../sql.ts'
import { Cache } from './cache.ts'
import { bucketOf, ENTRY, type Pack } from './packs.ts'
import { RUN } from './part.ts'
import { PLACE, sectionIn } from './place.ts'

/** Bytes of a part. A larger block has one of its own. */
const PART = 64 * 1024
const PER_BUCKET = 256
// Parts that are read again: only where a block is asked for that has been written.
const CACHE = 1024 * 1024

/** As what a block stands in the tree; the commit counts as a node. */
export type Kind = 'node' | 'record'

/** Writes a pack: parts as the blocks come, then the buckets, then the row that makes it the current one. */
export class PackWriter {
  readonly #sql: Sql
  readonly #seed: number
  readonly #first: number
  #n: number
  #part = new Uint8Array(PART)
  #length = 0
  #runs: { at: number; made: string }[] = []
  /** Of each block the part, counted from the first, and the place in it; above it whether it is a record. */
  readonly #table: DigestTable
  readonly #parts: Cache<Uint8Array>
  #size = 0

  constructor(sql: Sql, seed: number) {
    this.#sql = sql
    this.#seed = seed
    this.#table = new DigestTable(seed)
    this.#parts = new Cache(CACHE, ({ length }) => length)
    sweep(sql)
    const row = sql.first<{ n: number }>('SELECT coalesce(max(n), 0) AS n FROM part')
    this.#first = this.#n = (row?.n ?? 0) + 1
  }

  get blocks(): number {
    return this.#table.size
  }

  /** The next block, none of those before. */
  add({ bytes: from, start, cid, end }: Sections, made: string, kind: Kind): void {
    const size = end - start
    if (this.#length > 0 && this.#length + size > PART) this.#flush()
    if (size > this.#part.length) this.#part = new Uint8Array(size)
    if (this.#runs.at(-1)?.made !== made) this.#runs.push({ at: this.#length, made })
    this.#table.add(from, cid, this.#n - this.#first, this.#length + (kind === 'record' ? PLACE : 0))
    this.#part.set(from.subarray(start, end), this.#length)
    this.#length += size
    this.#size += size
  }

  /** The block of the CID at `at` of `cid`, if it has been written. */
  find(cid: Uint8Array, at = 0): { kind: Kind; section: Sections } | undefined {
    const found = sectionIn(this.#table, cid, at, (n) => this.#read(this.#first + n))
    return (
      found && { kind: this.#table.second(found.slot) < PLACE ? 'node' : 'record', section: found.section }
    )
  }

  #read(n: number): Uint8Array {
    if (n === this.#n) return this.#part.subarray(0, this.#length)
    const known = this.#parts.get(n)
    if (known) return known
    const row = this.#sql.first<{ bytes: ArrayBuffer }>('SELECT bytes FROM part WHERE n = ?', n)
    return this.#parts.set(n, row ? bytes(row.bytes) : new Uint8Array(0))
  }

  #flush(): void {
    const made = Buffer.alloc(this.#runs.length * RUN)
    for (const [i, run] of this.#runs.entries()) {
      made.writeUInt32BE(run.at, i * RUN)
      made.write(run.made, i * RUN + 4, 'latin1')
    }
    this.#sql.run(
      'INSERT INTO part (n, made, bytes) VALUES (?, ?, ?)',
      this.#n++,
      made,
      this.#part.subarray(0, this.#length),
    )
    this.#length = 0
    this.#runs = []
  }

  /** Writes the last part and the buckets; what it answers makes the pack the current one, in a transaction. */
  finish(): (of: { rev: string; loose: number; at: number }) => void {
    const sql = this.#sql
    if (this.#length > 0) this.#flush()
    const pack = {
      id: (sql.first<{ id: number }>('SELECT coalesce(max(id), 0) AS id FROM pack')?.id ?? 0) + 1,
      seed: this.#seed,
      buckets: Math.ceil(this.blocks / PER_BUCKET),
    }
    this.#writeBuckets(pack)
    const [first, last] = [this.#first, this.#n - 1]
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
    if (stored?.parts !== parts || stored.size !== this.#size || stored.entries !== this.blocks * ENTRY)
      throw new Error(`a pack of ${parts} parts is not stored as it was written`)
  }

  /** Counts, then places: every entry once, in the bucket that is its own. */
  #writeBuckets(pack: Pick<Pack, 'id' | 'seed' | 'buckets'>): void {
    const table = this.#table
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
        entries.setUint32(i * ENTRY + 8, table.second(slot) % PLACE)
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
