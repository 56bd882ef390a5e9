import { SectionReader } from '../../../repo/car/sectionReader.ts'
import { sameCid } from '../../../repo/cidBytes.ts'
import { digestWord } from '../../../repo/digestTable.ts'
import { bytes, type Sql } from '../../db/sql.ts'
import type { BlockLocation } from '../blockLocation.ts'
import { LruCache } from '../lruCache.ts'
import { PackSegment } from './packSegment.ts'

/** A whole tree as it was when it was packed: its blocks in the order of an export, in segments, and where each is. */
export type Pack = {
  id: number
  /** The revision whose tree it contains, the commit included. */
  rev: string
  /** The numbers of its first and last segment. */
  first: number
  last: number
  /** The last row of the commit log that it covers. */
  lastRow: number
  /** Decides which bucket a digest belongs to. */
  seed: number
  /** How many buckets it has. */
  buckets: number
  /** How many blocks it has. */
  blocks: number
  /** When it became the current one, in milliseconds. */
  at: number
}

/**
 * Bytes of an entry of a bucket: three numbers of 4 bytes. The first 32 bits of the digest, the segment (counted from
 * the pack's first), and the offset of the section in it.
 */
export const ENTRY_BYTES = 12

/** The bucket of a digest, by its first 32 bits. Only those who know the seed could overfill one. */
export const bucketOf = (digest: number, { seed, buckets }: Pick<Pack, 'seed' | 'buckets'>): number =>
  Math.floor(((Math.imul(digest ^ seed, 0x9e3779b1) >>> 0) / 2 ** 32) * buckets)

/** The packs: the current one, and those before it for as long as they are needed. */
export class Packs {
  readonly #sql: Sql
  readonly #segments: LruCache<PackSegment>
  readonly #buckets: LruCache<Uint8Array>
  #packs: Pack[] | undefined
  #rollbacks = 0

  constructor(sql: Sql, cacheBytes: number) {
    this.#sql = sql
    this.#segments = new LruCache(cacheBytes, ({ bytes: { length } }) => length)
    this.#buckets = new LruCache(cacheBytes / 4, ({ length }) => length)
  }

  /** How many bytes the blocks of a pack have, as a CAR. */
  byteLength({ first, last }: Pack): number {
    const row = this.#sql.first<{ size: number | null }>(
      'SELECT sum(length(bytes)) AS size FROM part WHERE n BETWEEN ? AND ?',
      first,
      last,
    )
    return row?.size ?? 0
  }

  /** All packs, the newest first. */
  all(): readonly Pack[] {
    // A transaction that failed may have taken rows back.
    if (this.#rollbacks !== this.#sql.rollbacks) this.#forget()
    this.#rollbacks = this.#sql.rollbacks
    return (this.#packs ??= this.#sql.all<Pack>(
      'SELECT id, rev, first, last, loose AS lastRow, seed, buckets, blocks, at FROM pack ORDER BY id DESC',
    ))
  }

  /** The newest pack. */
  current(): Pack | undefined {
    return this.all()[0]
  }

  /** The segment of this number. */
  segment(n: number): PackSegment | undefined {
    const cached = this.#segments.get(n)
    if (cached) return cached
    const row = this.#sql.first<{ made: ArrayBuffer; bytes: ArrayBuffer }>(
      'SELECT made, bytes FROM part WHERE n = ?',
      n,
    )
    return row && this.#segments.set(n, new PackSegment(n, row.bytes, row.made))
  }

  /** Where a pack has the block of the CID at `offset` of `cid`. */
  find(pack: Pack, cid: Uint8Array, offset = 0): BlockLocation | undefined {
    const digest = digestWord(cid, offset)
    const bucket = this.#bucket(pack, bucketOf(digest, pack))
    const entries = new DataView(bucket.buffer, bucket.byteOffset, bucket.length)
    for (let i = 0; i < bucket.length; i += ENTRY_BYTES) {
      if (entries.getUint32(i) !== digest) continue
      const segment = this.segment(pack.first + entries.getUint32(i + 4))
      if (!segment) continue
      const start = entries.getUint32(i + 8)
      const section = new SectionReader(segment.bytes, start)
      if (section.next() && sameCid(segment.bytes, section.cidAt, cid, offset))
        return { row: 0, segment, addedIn: segment.addedIn(start), section }
    }
    return undefined
  }

  /** To be called when rows of packs were written or deleted. */
  changed(): void {
    this.#forget()
  }

  #bucket(pack: Pack, n: number): Uint8Array {
    const key = `${pack.id} ${n}`
    const cached = this.#buckets.get(key)
    if (cached) return cached
    const row = this.#sql.first<{ entries: ArrayBuffer }>(
      'SELECT entries FROM bucket WHERE pack = ? AND n = ?',
      pack.id,
      n,
    )
    return this.#buckets.set(key, row ? bytes(row.entries) : new Uint8Array(0))
  }

  #forget(): void {
    this.#packs = undefined
    this.#segments.clear()
    this.#buckets.clear()
  }
}
