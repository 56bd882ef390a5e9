import { digestWord } from '../../repo/digestTable.ts'
import type { Sql } from '../sql.ts'
import { bucketOf, ENTRY, type Pack } from './packs.ts'
import { RUN } from './part.ts'

/** Bytes of a part. A larger block has one of its own. */
const PART = 64 * 1024
const PER_BUCKET = 256
// Entries are remembered in pieces: an array that grows would be there twice.
const PIECE = 64 * 1024
const WORDS = ENTRY / 4

/** Writes a pack: parts as the blocks come, then the buckets, then the row that makes it the current one. */
export class PackWriter {
  readonly #sql: Sql
  readonly #seed: number
  readonly #first: number
  #n: number
  #part = new Uint8Array(PART)
  #length = 0
  #runs: { at: number; made: string }[] = []
  readonly #entries: Uint32Array[] = []
  #size = 0
  blocks = 0

  constructor(sql: Sql, seed: number) {
    this.#sql = sql
    this.#seed = seed
    sweep(sql)
    const row = sql.first<{ n: number }>('SELECT coalesce(max(n), 0) AS n FROM part')
    this.#first = this.#n = (row?.n ?? 0) + 1
  }

  /** The next section: of `bytes`, from `start` to `end`, its CID at `cid`. */
  add(bytes: Uint8Array, start: number, cid: number, end: number, made: string): void {
    const size = end - start
    if (this.#length > 0 && this.#length + size > PART) this.#flush()
    if (size > this.#part.length) this.#part = new Uint8Array(size)
    if (this.#runs.at(-1)?.made !== made) this.#runs.push({ at: this.#length, made })
    this.#remember(bytes, cid)
    this.#part.set(bytes.subarray(start, end), this.#length)
    this.#length += size
    this.#size += size
  }

  #remember(bytes: Uint8Array, cid: number): void {
    const at = (this.blocks++ % PIECE) * WORDS
    if (at === 0) this.#entries.push(new Uint32Array(PIECE * WORDS))
    const piece = this.#entries.at(-1)
    if (!piece) return
    piece[at] = digestWord(bytes, cid)
    piece[at + 1] = this.#n - this.#first
    piece[at + 2] = this.#length
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
    const ends = new Uint32Array(pack.buckets)
    for (const bucket of this.#buckets(pack)) ends[bucket] = (ends[bucket] ?? 0) + 1
    for (let i = 1; i < ends.length; i++) ends[i] = (ends[i] ?? 0) + (ends[i - 1] ?? 0)
    const starts = Uint32Array.from(ends, (_, i) => ends[i - 1] ?? 0)
    const next = starts.slice()
    const order = new Uint32Array(this.blocks)
    let n = 0
    for (const bucket of this.#buckets(pack)) {
      order[next[bucket] ?? 0] = n++
      next[bucket] = (next[bucket] ?? 0) + 1
    }
    for (let bucket = 0; bucket < pack.buckets; bucket++) {
      const [start, end] = [starts[bucket] ?? 0, ends[bucket] ?? 0]
      const entries = new DataView(new ArrayBuffer((end - start) * ENTRY))
      for (let i = start; i < end; i++) {
        const entry = order[i] ?? 0
        const piece = this.#entries[Math.floor(entry / PIECE)]
        for (let word = 0; word < WORDS; word++)
          entries.setUint32((i - start) * ENTRY + word * 4, piece?.[(entry % PIECE) * WORDS + word] ?? 0)
      }
      this.#sql.run('INSERT INTO bucket (pack, n, entries) VALUES (?, ?, ?)', pack.id, bucket, entries)
    }
  }

  *#buckets(pack: Pick<Pack, 'seed' | 'buckets'>): Generator<number> {
    for (let i = 0; i < this.blocks; i++)
      yield bucketOf(this.#entries[Math.floor(i / PIECE)]?.[(i % PIECE) * WORDS] ?? 0, pack)
  }
}

/** Takes away what belongs to no pack: one that was not finished. */
export const sweep = (sql: Sql): void => {
  sql.transaction(() => {
    sql.run('DELETE FROM part WHERE n > (SELECT coalesce(max(last), 0) FROM pack)')
    sql.run('DELETE FROM bucket WHERE pack > (SELECT coalesce(max(id), 0) FROM pack)')
  })
}
