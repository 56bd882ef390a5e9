import { type Cid, decodeCid } from '@atproto/lex-data'
import { BlockMap, ReadableBlockstore } from '@atproto/repo'
import type { Block } from '../../repo/block.ts'
import { CID_LENGTH } from '../../repo/cborReader.ts'
import { keyAt } from '../../repo/sectionReader.ts'
import type { Platform } from '../../platform.ts'
import { bytes, type Sql } from '../db/sql.ts'
import { CommitLog } from './commitLog.ts'
import { type Pack, Packs } from './packs.ts'
import type { PackSegment } from './packSegment.ts'
import { BlockHistory } from './blockHistory.ts'
import type { BlockLocation } from './blockLocation.ts'
import { RemovalLog, type RemovalLogSize } from './removalLog.ts'

// Rows kept in memory: a walk comes back to the part that it has just read.
const CACHE = 1024 * 1024

/**
 * The blocks of the repository: a pack of the whole tree as it once was, and the loose blocks of the
 * commits since, each with those that it dropped. A commit writes one row here, and now and then
 * all is packed anew (repack.ts). Bytes found under a CID are right whatever the revision, so that reads
 * by CID need none.
 */
export class Blocks extends ReadableBlockstore {
  readonly #sql: Sql
  readonly commitLog: CommitLog
  readonly packs: Packs
  readonly removalLog: RemovalLog
  readonly history: BlockHistory
  /** 32 random bits of this life. */
  readonly seed: number

  constructor(sql: Sql, platform: Pick<Platform, 'random'>, trail?: RemovalLogSize) {
    super()
    this.#sql = sql
    this.seed = new DataView(platform.random(4).buffer).getUint32(0)
    this.commitLog = new CommitLog(sql, this.seed, CACHE)
    this.packs = new Packs(sql, CACHE)
    this.removalLog = new RemovalLog(sql, trail)
    this.history = new BlockHistory(this.commitLog, this.packs, this.removalLog)
  }

  /** Where the block is whose CID stands at `at` of `cid`. */
  find(cid: Uint8Array, at = 0): BlockLocation | undefined {
    const place = this.#find(cid, at)
    // Nothing is missing that is only missing from memory.
    return place || !this.refresh() ? place : this.#find(cid, at)
  }

  #find(cid: Uint8Array, at: number): BlockLocation | undefined {
    const loose = this.commitLog.find(cid, at)
    if (loose) return loose
    for (const pack of this.packs.all()) {
      const place = this.packs.find(pack, cid, at)
      if (place) return place
    }
    return undefined
  }

  /** Reads what another object may have written; answers whether there was anything. */
  refresh(): boolean {
    this.removalLog.refresh()
    const [pack] = this.packs.all()
    const last = this.#sql.first<{ id: number | null }>('SELECT max(id) AS id FROM pack')?.id ?? undefined
    if (last !== pack?.id) this.packs.changed()
    return this.commitLog.refresh() || last !== pack?.id
  }

  /** The pack that this part belongs to, while it is there. */
  packOf({ n }: PackSegment): Pack | undefined {
    return this.packs.all().find(({ first, last }) => first <= n && n <= last)
  }

  /** The part behind this one, in the same pack. */
  partAfter(part: PackSegment): PackSegment | undefined {
    const pack = this.packOf(part)
    return pack && part.n < pack.last ? this.packs.part(part.n + 1) : undefined
  }

  /** The bytes of a block, of whichever revision. */
  read(cid: Cid): Uint8Array | undefined {
    return this.find(cid.bytes)?.section.content
  }

  /** For messages. */
  name(cid: Uint8Array, at: number): string {
    return decodeCid(cid.slice(at, at + CID_LENGTH)).toString()
  }

  /** Whether the block belongs to the current tree. */
  isCurrent(cid: Cid): boolean {
    // Whoever asks may name anything, also what has no digest to be found by.
    if (cid.bytes.length !== CID_LENGTH) return false
    return this.history.isInTree('~', cid.bytes, 0)
  }

  /** Writes what a commit adds and drops. The caller has seen that none of `blocks` is in the current tree. */
  append(rev: string, now: number, blocks: readonly Block[], dropped: readonly Cid[]): void {
    this.commitLog.append(rev, now, blocks, dropped)
  }

  /** How many paths of the current tree hold this record. */
  paths(cid: Cid): number {
    const row = this.#sql.first<{ paths: number }>(
      'SELECT paths FROM repeated WHERE cid = ? AND paths > 1',
      cid.bytes,
    )
    return row?.paths ?? (this.isCurrent(cid) ? 1 : 0)
  }

  /** Remembers that as many paths hold this record now. */
  setPaths(cid: Cid, paths: number, now: number): void {
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

  /** Begins the count anew: whatever was repeated is so no longer. */
  clearPaths(now: number): void {
    this.#sql.run('UPDATE repeated SET paths = 1, until = ? WHERE paths > 1', now)
  }

  /** By `cidKey`, how many paths hold a record that several hold, or held in an export that may still be running. */
  repeated(): Map<string, number> {
    const rows = this.#sql.all<{ cid: ArrayBuffer; paths: number }>('SELECT cid, paths FROM repeated')
    return new Map(rows.map(({ cid, paths }) => [keyAt(bytes(cid), 0), paths]))
  }

  /** The current pack and the last loose row: all that an import's tree stands in for. */
  current(): { pack: Pack | undefined; loose: number } {
    return { pack: this.packs.current(), loose: this.commitLog.last() }
  }

  override async getBytes(cid: Cid): Promise<Uint8Array | null> {
    return this.read(cid) ?? null
  }

  override async has(cid: Cid): Promise<boolean> {
    return this.find(cid.bytes) !== undefined
  }

  override async getBlocks(cids: Cid[]): Promise<{ blocks: BlockMap; missing: Cid[] }> {
    const blocks = new BlockMap()
    const missing: Cid[] = []
    for (const cid of cids) {
      const block = this.read(cid)
      if (block) blocks.set(cid, block)
      else missing.push(cid)
    }
    return { blocks, missing }
  }
}
