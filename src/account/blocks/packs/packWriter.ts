import type { SectionReader } from '../../../repo/car/sectionReader.ts'
import type { Sql } from '../../db/sql.ts'
import { SectionRows } from '../sectionRows.ts'
import { bucketOf, ENTRY_BYTES, type Pack } from './packs.ts'
import { REV_RUN_BYTES } from './packSegment.ts'

/** Bytes of a segment. A larger block has a segment of its own. */
const SEGMENT_BYTES = 64 * 1024
const BLOCKS_PER_BUCKET = 256

/** What a block is in the tree; the commit counts as a node. */
export type BlockKind = 'node' | 'record'

/**
 * Writes a pack: segments as blocks are added, then the buckets (`finish`), then, in a transaction, the row that
 * makes it the current one (`activate`). Until then nobody reads it. Only one pack is written at a time.
 */
export class PackWriter {
  readonly #sql: Sql
  readonly #seed: number
  readonly #id: number
  readonly #firstSegment: number
  /** The segments. Records are marked. */
  readonly #rows: SectionRows
  /** Of the segment that is being filled: where the blocks of each revision begin. */
  #runs: { start: number; addedIn: string }[] = []

  constructor(sql: Sql, seed: number) {
    this.#sql = sql
    this.#seed = seed
    deleteUnfinishedPack(sql)
    this.#id = (sql.first<{ id: number }>('SELECT coalesce(max(id), 0) AS id FROM pack')?.id ?? 0) + 1
    this.#firstSegment = (sql.first<{ n: number }>('SELECT coalesce(max(n), 0) AS n FROM part')?.n ?? 0) + 1
    this.#rows = new SectionRows({
      seed,
      rowBytes: SEGMENT_BYTES,
      first: this.#firstSegment,
      write: (n, row) => this.#writeSegment(n, row),
      read: (n) => sql.first<{ bytes: ArrayBuffer }>('SELECT bytes FROM part WHERE n = ?', n)?.bytes,
    })
  }

  /** How many blocks were added. */
  get blocks(): number {
    return this.#rows.table.size
  }

  /** Adds the next block, which was not added before. */
  add(section: SectionReader, addedIn: string, kind: BlockKind): void {
    this.#rows.reserve(section)
    if (this.#runs.at(-1)?.addedIn !== addedIn) this.#runs.push({ start: this.#rows.length, addedIn })
    this.#rows.add(section, kind === 'record')
  }

  /** The block of the CID at `offset` of `cid`, if it was added; valid until the next is added. */
  find(cid: Uint8Array, offset = 0): { kind: BlockKind; section: SectionReader } | undefined {
    const found = this.#rows.find(cid, offset)
    return found && { kind: found.isMarked ? 'record' : 'node', section: found.section }
  }

  #writeSegment(n: number, row: Uint8Array): void {
    const made = Buffer.alloc(this.#runs.length * REV_RUN_BYTES)
    for (const [i, run] of this.#runs.entries()) {
      made.writeUInt32BE(run.start, i * REV_RUN_BYTES)
      made.write(run.addedIn, i * REV_RUN_BYTES + 4, 'latin1')
    }
    this.#runs = []
    this.#sql.run('INSERT INTO part (n, made, bytes) VALUES (?, ?, ?)', n, made, row)
  }

  /** Writes the last segment and the buckets. Nothing can be added after that. */
  finish(): void {
    this.#rows.flush()
    this.#writeBuckets()
  }

  /** Makes the finished pack the current one, inside a transaction. */
  activate({ rev, lastRow, at }: Pick<Pack, 'rev' | 'lastRow' | 'at'>): void {
    const [first, last] = [this.#firstSegment, this.#rows.n - 1]
    this.#sql.assertTransaction()
    this.#assertStored(last)
    this.#sql.run(
      'INSERT INTO pack (id, rev, first, last, loose, seed, buckets, blocks, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...[this.#id, rev, first, last, lastRow, this.#seed, this.#buckets, this.blocks, at],
    )
  }

  /** Makes sure that the pack has all its rows, and no others: everything else will be deleted because it is there. */
  #assertStored(last: number): void {
    const stored = this.#sql.first<{ segments: number; size: number; entries: number }>(
      `SELECT count(*) AS segments, total(length(bytes)) AS size,
         (SELECT total(length(entries)) FROM bucket WHERE pack = ?) AS entries
       FROM part WHERE n >= ?`,
      this.#id,
      this.#firstSegment,
    )
    const segments = last - this.#firstSegment + 1
    if (
      stored?.segments !== segments ||
      stored.size !== this.#rows.total ||
      stored.entries !== this.blocks * ENTRY_BYTES
    )
      throw new Error(`a pack of ${segments} segments is not stored as it was written`)
  }

  get #buckets(): number {
    return Math.ceil(this.blocks / BLOCKS_PER_BUCKET)
  }

  /** Counts the entries of each bucket, then sorts the blocks into them: every block once, in its own bucket. */
  #writeBuckets(): void {
    const { table } = this.#rows
    const pack = { seed: this.#seed, buckets: this.#buckets }
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
      const i = next[bucket] ?? 0
      order[i] = slot
      next[bucket] = i + 1
    }
    for (let bucket = 0; bucket < pack.buckets; bucket++) {
      const slots = order.subarray(starts[bucket], ends[bucket])
      const entries = new DataView(new ArrayBuffer(slots.length * ENTRY_BYTES))
      slots.forEach((slot, i) => {
        entries.setUint32(i * ENTRY_BYTES, table.digest(slot))
        entries.setUint32(i * ENTRY_BYTES + 4, table.first(slot))
        entries.setUint32(i * ENTRY_BYTES + 8, this.#rows.offset(slot))
      })
      this.#sql.run('INSERT INTO bucket (pack, n, entries) VALUES (?, ?, ?)', this.#id, bucket, entries)
    }
  }
}

/** Deletes the rows that belong to no pack: those of one that was not finished. */
export const deleteUnfinishedPack = (sql: Sql): void => {
  sql.transaction(() => {
    sql.run('DELETE FROM part WHERE n > (SELECT coalesce(max(last), 0) FROM pack)')
    sql.run('DELETE FROM bucket WHERE pack > (SELECT coalesce(max(id), 0) FROM pack)')
  })
}
