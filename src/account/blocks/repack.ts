import type { Cid } from '@atproto/lex-data'
import { fault } from '../../fault.ts'
import type { Platform } from '../../platform.ts'
import type { Blocks } from './blocks.ts'
import { type Head, readCounts, readHead, readStaging } from '../db/accountRow.ts'
import type { Sql } from '../db/sql.ts'
import { PackWriter, sweep } from './packWriter.ts'
import { StoredTreeWalk } from './storedTreeWalk.ts'
import { RemovalLogWriter } from './removalLogWriter.ts'

const DAY = 24 * 3600_000
/**
 * Rows after which all is packed anew, as the tree is small or large, or their bytes: what is loose is read
 * at the start of each life, and indexed in memory. While packs before the last cannot be deleted
 * yet, twice as much for each of them.
 */
const MANY = { least: 250, most: 1000, blocksEach: 100, bytes: 64 * 1024 * 1024 }
// Bytes that one step reads and writes: some ten milliseconds.
const STEP = 1024 * 1024
/** Rows deleted in one step. */
const ROWS = 200

interface Run {
  head: Head
  loose: number
  blocks: number
  tour: StoredTreeWalk
  writer: PackWriter
}

/**
 * Packs the current tree anew, beside what is there, and lets go of the old some time later: what is copied
 * is what is reached from the commit, so that collection cannot take anything that is still needed.
 * Every block's hash is checked on the way. It runs in steps; an object that dies in between starts afresh.
 */
export class Repack {
  readonly #sql: Sql
  readonly #platform: Pick<Platform, 'now'>
  readonly #blocks: Blocks
  readonly #trail: RemovalLogWriter
  #run: Run | undefined
  /** It copies the whole tree: what stands in its way is not tried over and over. */
  #failedAt = -Infinity

  constructor(sql: Sql, platform: Pick<Platform, 'now'>, blocks: Blocks) {
    this.#sql = sql
    this.#platform = platform
    this.#blocks = blocks
    this.#trail = new RemovalLogWriter(blocks)
    sweep(sql)
  }

  /** Whether part of a pack has been written. */
  get isRunning(): boolean {
    return this.#run !== undefined
  }

  /** Gives up what is being packed: the tree is about to be another. */
  cancel(): void {
    if (!this.#run) return
    this.#run = undefined
    sweep(this.#sql)
  }

  /** One step, if there is something to do: because of many commits, or of what was dropped a day ago. */
  step(most = STEP): { more: boolean } {
    if (this.#run === undefined && !this.isDue) return { more: false }
    try {
      return { more: this.#goOn(most) }
    } catch (cause) {
      // What was written may lack something: it is never gone on with.
      this.#failedAt = this.#platform.now()
      this.cancel()
      throw cause
    }
  }

  #goOn(most: number): boolean {
    const run = (this.#run ??= this.#begin())
    if (!run) return false
    const { tour, writer } = run
    for (let size = 0; size < most;) {
      if (!tour.next()) {
        this.#finish(run)
        this.#run = undefined
        return false
      }
      const { bytes, start, cid, end, isIntact } = tour.at
      if (!isIntact)
        throw new Error(`the bytes of the block ${this.#blocks.name(bytes, cid)} have another hash`)
      const made = tour.made(run.head.rev)
      if (made === undefined)
        throw new Error(`the block ${this.#blocks.name(bytes, cid)} came with no revision`)
      writer.add(tour.at, made, tour.isNode ? 'node' : 'record')
      size += end - start
    }
    return true
  }

  /** Whether something waits to be deleted. */
  get waits(): boolean {
    const [pack, ...old] = this.#blocks.packs.all()
    return (
      old.length > 0 ||
      this.#sql.first('SELECT 1 AS yes FROM loose WHERE n <= ?', pack?.loose ?? 0) !== undefined
    )
  }

  /** An import writes a pack too, and will switch to another tree. */
  #isImporting(): boolean {
    return readStaging(this.#sql) !== undefined
  }

  /** Whether it is time to pack anew. */
  get isDue(): boolean {
    return this.dueIn <= 0
  }

  /** Milliseconds until it will be time to pack anew, if nothing else is written until then. */
  get dueIn(): number {
    const now = this.#platform.now()
    const row = this.#sql.first<{ rows: number; bytes: number; oldest: number | null }>(
      `SELECT count(*) AS rows, total(length(bytes)) AS bytes,
         min(CASE WHEN length(dropped) > 0 THEN at END) AS oldest
       FROM loose WHERE n > (SELECT coalesce(max(loose), 0) FROM pack)`,
    )
    if (!row || this.#isImporting()) return Infinity
    const { least, most, blocksEach, bytes } = MANY
    const many = Math.min(most, Math.max(least, readCounts(this.#sql).blocks / blocksEach))
    const packs = 2 ** Math.max(0, this.#blocks.packs.all().length - 1)
    const isMuch = row.rows >= many * packs || row.bytes >= bytes * packs
    const due = isMuch ? 0 : row.oldest === null ? Infinity : row.oldest + DAY - now
    return Math.max(due, this.#failedAt + DAY - now)
  }

  #begin(): Run | undefined {
    const head = readHead(this.#sql)
    if (!head) return undefined
    const blocks = this.#blocks
    const loose = blocks.commitLog.last()
    const writer = new PackWriter(this.#sql, blocks.seed)
    this.#add(writer, head.root, head.rev)
    const tour = new StoredTreeWalk(blocks, head.data, { repeated: blocks.repeated().keys() })
    return { head, loose, blocks: readCounts(this.#sql).blocks, tour, writer }
  }

  #add(writer: PackWriter, cid: Cid, made: string): void {
    const place = this.#blocks.find(cid.bytes)
    if (!place) throw new Error(`the block ${cid} is missing`)
    writer.add(place.section, made, 'node')
  }

  #finish({ head, loose, blocks, writer }: Run): void {
    if (writer.blocks !== blocks)
      throw new Error(`the tree of ${head.rev} has ${writer.blocks} blocks, ${blocks} were counted`)
    const take = writer.finish()
    fault('repack.beforeSwitch')
    this.#sql.transaction(() => take({ rev: head.rev, loose, at: this.#platform.now() }))
    this.#blocks.packs.changed()
    fault('repack.afterSwitch')
  }

  /**
   * Deletes, in one step, what packs that took over before `before` (milliseconds) have made superfluous:
   * loose rows, and the packs before them. Before that, the trail takes down what they tell of the past.
   */
  collect(before: number): { more: boolean } {
    const { commitLog, packs } = this.#blocks
    const all = packs.all()
    const settled = all.find(({ at }) => at < before)
    if (!settled) return { more: false }
    if (this.#trail.step(settled)) return { more: true }
    return this.#sql.transaction(() => {
      const rows = commitLog.delete(settled.loose, ROWS)
      // Commits since the pack was begun are kept, too; to know of a record too many does no harm.
      this.#sql.run('DELETE FROM repeated WHERE until < ?', settled.at - DAY)
      const old = all.findLast(({ id }) => id < settled.id)
      if (!old) return { more: rows.more }
      const [parts, buckets] = (['part', 'bucket'] as const).map((table) => this.#deleteRows(table, old))
      if (parts === 0 && buckets === 0) this.#sql.run('DELETE FROM pack WHERE id = ?', old.id)
      packs.changed()
      return { more: true }
    })
  }

  #deleteRows(
    table: 'part' | 'bucket',
    { id, first, last }: { id: number; first: number; last: number },
  ): number {
    return table === 'part'
      ? this.#sql.run(
          'DELETE FROM part WHERE n IN (SELECT n FROM part WHERE n BETWEEN ? AND ? LIMIT ?)',
          first,
          last,
          ROWS,
        )
      : this.#sql.run(
          'DELETE FROM bucket WHERE pack = ?1 AND n IN (SELECT n FROM bucket WHERE pack = ?1 LIMIT ?2)',
          id,
          ROWS,
        )
  }
}
