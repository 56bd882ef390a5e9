import type { Cid } from '@atproto/lex-data'
import { fault } from '../../../fault.ts'
import type { Platform } from '../../../platform.ts'
import { type Head, readCounts, readHead, readStaging } from '../../db/head.ts'
import type { Sql } from '../../db/sql.ts'
import type { Blocks } from '../blocks.ts'
import { RemovalLogWriter } from '../history/removalLogWriter.ts'
import { StoredTreeWalk } from '../storedTreeWalk.ts'
import type { Pack } from './packs.ts'
import { deleteUnfinishedPack, PackWriter } from './packWriter.ts'

const DAY_MS = 24 * 3600_000
/**
 * Everything is packed again after so many commit rows: one for each `BLOCKS_PER_COMMIT_ROW` blocks of the tree, within
 * these limits; or after so many bytes of them. The commit log is read each time that the object starts, and indexed in
 * memory. All of this is doubled for each pack before the current one that cannot be deleted yet.
 */
const MIN_COMMIT_ROWS = 250
const MAX_COMMIT_ROWS = 1000
const BLOCKS_PER_COMMIT_ROW = 100
const MAX_COMMIT_LOG_BYTES = 64 * 1024 * 1024
/** Bytes that one step of packing reads and writes, in some ten milliseconds. */
const PACK_STEP_BYTES = 1024 * 1024
/** Rows of each table that one step of collecting deletes. */
const COLLECT_STEP_ROWS = 200

/** What a repack needs of the account. */
export interface RepackDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  blocks: Blocks
}

/**
 * Packs the current tree again, beside what is there, and some time later deletes what the new pack replaced. What is
 * reached from the commit is what is copied, so that nothing that is still needed is deleted. Every block's hash is
 * checked on the way. It runs in steps; an object that dies in between starts again.
 */
export interface Repack {
  /** Whether a pack is being written. */
  readonly isRunning: boolean
  /** Whether it is time to pack again. */
  readonly isDue: boolean
  /** Milliseconds until it will be time to pack again, if nothing else is written until then. */
  readonly dueInMs: number
  /** Whether there are rows that a pack has replaced and that are not deleted yet. */
  readonly hasReplacedRows: boolean
  /**
   * Does one step if there is something to pack: because there were many commits, or because a block was dropped a day
   * ago. `more`: another step is needed.
   */
  step(maxBytes?: number): { more: boolean }
  /** Gives up the pack that is being written: the tree is about to be another one. */
  cancel(): void
  /**
   * Deletes, in one step, what was replaced by packs that became the current one before `before` (milliseconds): commit
   * rows, and older packs. First the removal log is brought up to there. `more`: another step is needed.
   */
  collect(before: number): { more: boolean }
}

/** The pack that is being written. */
interface PackInProgress {
  head: Head
  /** The last commit row that it covers. */
  lastRow: number
  /** How many blocks the tree must have. */
  blocks: number
  walk: StoredTreeWalk
  writer: PackWriter
}

/** Creates the repack of an account, and deletes what an unfinished one left. */
export const createRepack = ({ sql, platform, blocks }: RepackDeps): Repack => {
  const { commitLog, packs } = blocks
  const removalLogWriter = new RemovalLogWriter(blocks)
  let inProgress: PackInProgress | undefined
  /** When packing last failed, in milliseconds. It copies the whole tree, so that it is tried again only a day later. */
  let failedAt = -Infinity
  deleteUnfinishedPack(sql)

  const dueInMs = (): number => {
    const now = platform.now()
    const row = sql.first<{ rows: number; bytes: number; oldest: number | null }>(
      `SELECT count(*) AS rows, total(length(bytes)) AS bytes,
         min(CASE WHEN length(dropped) > 0 THEN at END) AS oldest
       FROM loose WHERE n > (SELECT coalesce(max(loose), 0) FROM pack)`,
    )
    // An import writes a pack, too, and will switch to another tree.
    if (!row || readStaging(sql) !== undefined) return Infinity
    const forTree = readCounts(sql).blocks / BLOCKS_PER_COMMIT_ROW
    const maxRows = Math.min(MAX_COMMIT_ROWS, Math.max(MIN_COMMIT_ROWS, forTree))
    const factor = 2 ** Math.max(0, packs.all().length - 1)
    const isMuch = row.rows >= maxRows * factor || row.bytes >= MAX_COMMIT_LOG_BYTES * factor
    const due = isMuch ? 0 : row.oldest === null ? Infinity : row.oldest + DAY_MS - now
    return Math.max(due, failedAt + DAY_MS - now)
  }

  const begin = (): PackInProgress | undefined => {
    const head = readHead(sql)
    if (!head) return undefined
    const lastRow = commitLog.last()
    const writer = new PackWriter(sql, blocks.seed)
    addCommit(writer, head.root, head.rev)
    const walk = new StoredTreeWalk(blocks, head.data, { repeated: blocks.repeatedRecords().keys() })
    return { head, lastRow, blocks: readCounts(sql).blocks, walk, writer }
  }

  const addCommit = (writer: PackWriter, cid: Cid, rev: string): void => {
    const location = blocks.find(cid.bytes)
    if (!location) throw new Error(`the block ${cid} is missing`)
    writer.add(location.section, rev, 'node')
  }

  /** Copies blocks; returns whether there are more. */
  const copy = (maxBytes: number): boolean => {
    inProgress ??= begin()
    if (!inProgress) return false
    const { head, walk, writer } = inProgress
    for (let size = 0; size < maxBytes;) {
      if (!walk.next()) {
        finish(inProgress)
        inProgress = undefined
        return false
      }
      const { bytes, start, cidAt, end, isIntact } = walk.section
      if (!isIntact)
        throw new Error(`the bytes of the block ${blocks.cidText(bytes, cidAt)} have another hash`)
      const addedIn = walk.addedIn(head.rev)
      if (addedIn === undefined)
        throw new Error(`the revision of the block ${blocks.cidText(bytes, cidAt)} is not known`)
      writer.add(walk.section, addedIn, walk.isNode ? 'node' : 'record')
      size += end - start
    }
    return true
  }

  const finish = ({ head, lastRow, blocks: counted, writer }: PackInProgress): void => {
    if (writer.blocks !== counted)
      throw new Error(`the tree of ${head.rev} has ${writer.blocks} blocks, ${counted} were counted`)
    writer.finish()
    fault('repack.beforeSwitch')
    sql.transaction(() => writer.activate({ rev: head.rev, lastRow, at: platform.now() }))
    packs.changed()
    fault('repack.afterSwitch')
  }

  const cancel = (): void => {
    if (!inProgress) return
    inProgress = undefined
    deleteUnfinishedPack(sql)
  }

  const deleteSegments = ({ first, last }: Pack): number =>
    sql.run(
      'DELETE FROM part WHERE n IN (SELECT n FROM part WHERE n BETWEEN ? AND ? LIMIT ?)',
      first,
      last,
      COLLECT_STEP_ROWS,
    )

  const deleteBuckets = ({ id }: Pack): number =>
    sql.run(
      'DELETE FROM bucket WHERE pack = ?1 AND n IN (SELECT n FROM bucket WHERE pack = ?1 LIMIT ?2)',
      id,
      COLLECT_STEP_ROWS,
    )

  return {
    get isRunning() {
      return inProgress !== undefined
    },
    get isDue() {
      return dueInMs() <= 0
    },
    get dueInMs() {
      return dueInMs()
    },
    get hasReplacedRows() {
      const [pack, ...old] = packs.all()
      return (
        old.length > 0 ||
        sql.first('SELECT 1 AS yes FROM loose WHERE n <= ?', pack?.lastRow ?? 0) !== undefined
      )
    },
    step(maxBytes = PACK_STEP_BYTES) {
      if (inProgress === undefined && dueInMs() > 0) return { more: false }
      try {
        return { more: copy(maxBytes) }
      } catch (cause) {
        // What was written may lack something, and is never continued.
        failedAt = platform.now()
        cancel()
        throw cause
      }
    },
    cancel,
    collect(before) {
      const all = packs.all()
      const settled = all.find(({ at }) => at < before)
      if (!settled) return { more: false }
      if (removalLogWriter.step(settled)) return { more: true }
      return sql.transaction(() => {
        const rows = commitLog.delete(settled.lastRow, COLLECT_STEP_ROWS)
        // A day earlier, to keep the records that commits dropped since the pack was begun: one too many does no harm.
        sql.run('DELETE FROM repeated WHERE until < ?', settled.at - DAY_MS)
        const old = all.findLast(({ id }) => id < settled.id)
        if (!old) return { more: rows.more }
        const [segments, buckets] = [deleteSegments(old), deleteBuckets(old)]
        if (segments === 0 && buckets === 0) sql.run('DELETE FROM pack WHERE id = ?', old.id)
        packs.changed()
        return { more: true }
      })
    },
  }
}
