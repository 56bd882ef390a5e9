import { type Cid, decodeCid } from '@atproto/lex-data'
import type { Platform } from '../../platform.ts'
import type { Block } from '../../repo/block.ts'
import { CID_LENGTH, cidKeyAt } from '../../repo/cidBytes.ts'
import { bytes, type Sql } from '../db/sql.ts'
import { ABOVE_ALL_REVS, type BlockLocation } from './blockLocation.ts'
import { CommitLog } from './commitLog.ts'
import { BlockHistory } from './history/blockHistory.ts'
import { RemovalLog, type RemovalLogLimits } from './history/removalLog.ts'
import { type Pack, Packs } from './packs/packs.ts'
import type { PackSegment } from './packs/packSegment.ts'

/** Of the cache of the commit log, and of that of the packs. A walk comes back to the segment that it has just read. */
const CACHE_BYTES = 1024 * 1024

/**
 * The blocks of the repository: a pack of the whole tree as it was at some revision, and the log of the commits
 * since, each with the blocks that it added and the CIDs that it dropped. A commit writes one row here, and now and
 * then everything is packed again (packs/repack.ts). A block found under its CID is right whatever the revision, so that
 * reading by CID needs no revision.
 */
export class Blocks {
  readonly #sql: Sql
  readonly commitLog: CommitLog
  readonly packs: Packs
  readonly removalLog: RemovalLog
  readonly history: BlockHistory
  /** 32 random bits, chosen each time that the object starts. */
  readonly seed: number

  constructor(sql: Sql, platform: Pick<Platform, 'random'>, removalLogLimits?: RemovalLogLimits) {
    this.#sql = sql
    this.seed = new DataView(platform.random(4).buffer).getUint32(0)
    this.commitLog = new CommitLog(sql, this.seed, CACHE_BYTES)
    this.packs = new Packs(sql, CACHE_BYTES)
    this.removalLog = new RemovalLog(sql, removalLogLimits)
    this.history = new BlockHistory(this.commitLog, this.packs, this.removalLog)
  }

  /** The location of the block of the CID at `offset` of `cid`. */
  find(cid: Uint8Array, offset = 0): BlockLocation | undefined {
    const location = this.#find(cid, offset)
    // It may be stored and only missing from memory: another object may have written it.
    return location || !this.refresh() ? location : this.#find(cid, offset)
  }

  #find(cid: Uint8Array, offset: number): BlockLocation | undefined {
    const logged = this.commitLog.find(cid, offset)
    if (logged) return logged
    for (const pack of this.packs.all()) {
      const packed = this.packs.find(pack, cid, offset)
      if (packed) return packed
    }
    return undefined
  }

  /** Reads what another object may have written; returns whether there was any. */
  refresh(): boolean {
    this.removalLog.refresh()
    const [pack] = this.packs.all()
    const newest = this.#sql.first<{ id: number | null }>('SELECT max(id) AS id FROM pack')?.id ?? undefined
    if (newest !== pack?.id) this.packs.changed()
    return this.commitLog.refresh() || newest !== pack?.id
  }

  /** The pack that this segment belongs to, unless it has been deleted. */
  packOf({ n }: PackSegment): Pack | undefined {
    return this.packs.all().find(({ first, last }) => first <= n && n <= last)
  }

  /** The segment after this one in the same pack. */
  segmentAfter(segment: PackSegment): PackSegment | undefined {
    const pack = this.packOf(segment)
    return pack && segment.n < pack.last ? this.packs.segment(segment.n + 1) : undefined
  }

  /** The bytes of a block, of whichever revision. */
  read(cid: Cid): Uint8Array | undefined {
    return this.find(cid.bytes)?.section.content
  }

  /** The text of the CID at `offset` of `cid`, for messages. */
  cidText(cid: Uint8Array, offset: number): string {
    return decodeCid(cid.slice(offset, offset + CID_LENGTH)).toString()
  }

  /** Whether the block belongs to the current tree. */
  isCurrent(cid: Cid): boolean {
    // A client may ask for any CID, also one without a digest that can be looked up.
    if (cid.bytes.length !== CID_LENGTH) return false
    return this.history.isInTree(ABOVE_ALL_REVS, cid.bytes, 0)
  }

  /** Writes what a commit adds and drops. The caller has checked that none of `blocks` is in the current tree. */
  append(rev: string, now: number, blocks: readonly Block[], dropped: readonly Cid[]): void {
    this.commitLog.append(rev, now, blocks, dropped)
  }

  /** How many paths of the current tree hold this record. */
  pathCount(cid: Cid): number {
    const row = this.#sql.first<{ paths: number }>(
      'SELECT paths FROM repeated WHERE cid = ? AND paths > 1',
      cid.bytes,
    )
    return row?.paths ?? (this.isCurrent(cid) ? 1 : 0)
  }

  /** Stores how many paths hold this record now. */
  setPathCount(cid: Cid, paths: number, now: number): void {
    if (paths > 1) {
      this.#sql.run(
        `INSERT INTO repeated (cid, paths) VALUES (?, ?)
         ON CONFLICT (cid) DO UPDATE SET paths = excluded.paths, until = NULL`,
        cid.bytes,
        paths,
      )
    } else
      this.#sql.run('UPDATE repeated SET paths = 1, until = ? WHERE cid = ? AND paths > 1', now, cid.bytes)
  }

  /** Counts no record as held by several paths any more: another tree is about to be counted. */
  clearPathCounts(now: number): void {
    this.#sql.run('UPDATE repeated SET paths = 1, until = ? WHERE paths > 1', now)
  }

  /** By `cidKey`, the number of paths of each record that several hold, or held in a tree that may still be exported. */
  repeatedRecords(): Map<string, number> {
    const rows = this.#sql.all<{ cid: ArrayBuffer; paths: number }>('SELECT cid, paths FROM repeated')
    return new Map(rows.map(({ cid, paths }) => [cidKeyAt(bytes(cid), 0), paths]))
  }
}
