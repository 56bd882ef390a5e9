import { digestWord } from '../../repo/digestTable.ts'
import { sameCid, SectionReader } from '../../repo/sectionReader.ts'
import { bytes, type Sql } from '../db/sql.ts'
import { LruCache } from './lruCache.ts'
import { PackSegment } from './packSegment.ts'
import type { BlockLocation } from './blockLocation.ts'

/** A whole tree as it was when it was packed: its blocks in the order of an export, in parts, and where each is. */
export type Pack = {
  id: number
  /** The revision whose tree it holds, the commit included. */
  rev: string
  /** Its parts, from the first to the last. */
  first: number
  last: number
  /** The last loose row that it covers. */
  loose: number
  /** What the buckets are drawn by. */
  seed: number
  buckets: number
  blocks: number
  /** When it took over, in milliseconds. */
  at: number
}

/** An entry of a bucket, 4 bytes each: the digest's first, the part (from the pack's first) and the place in it. */
export const ENTRY = 12
/** Whose bucket a digest is, by its first four bytes. Nobody who does not know the seed can fill one. */
export const bucketOf = (first: number, { seed, buckets }: Pick<Pack, 'seed' | 'buckets'>): number =>
  Math.floor(((Math.imul(first ^ seed, 0x9e3779b1) >>> 0) / 2 ** 32) * buckets)

/** The packs: the current one, and those before it until nothing reads them. */
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

  /** The newest first. */
  all(): readonly Pack[] {
    if (this.#rollbacks !== this.#sql.rollbacks) this.#forget()
    this.#rollbacks = this.#sql.rollbacks
    return (this.#packs ??= this.#sql.all<Pack>('SELECT * FROM pack ORDER BY id DESC'))
  }

  current(): Pack | undefined {
    return this.all()[0]
  }

  part(n: number): PackSegment | undefined {
    const known = this.#segments.get(n)
    if (known) return known
    const row = this.#sql.first<{ made: ArrayBuffer; bytes: ArrayBuffer }>(
      'SELECT made, bytes FROM part WHERE n = ?',
      n,
    )
    return row && this.#segments.set(n, new PackSegment(n, row.bytes, row.made))
  }

  /** The place in a pack of the CID at `at` of `cid`. */
  find(pack: Pack, cid: Uint8Array, at = 0): BlockLocation | undefined {
    const digest = digestWord(cid, at)
    const entries = this.#bucket(pack, bucketOf(digest, pack))
    const list = new DataView(entries.buffer, entries.byteOffset, entries.length)
    for (let i = 0; i < entries.length; i += ENTRY) {
      if (list.getUint32(i) !== digest) continue
      const part = this.part(pack.first + list.getUint32(i + 4))
      if (!part) continue
      const start = list.getUint32(i + 8)
      const section = new SectionReader(part.bytes, start)
      if (section.next() && sameCid(part.bytes, section.cid, cid, at))
        return { n: 0, part, made: part.madeAt(start), section }
    }
    return undefined
  }

  /** Rows of packs were written or deleted. */
  changed(): void {
    this.#forget()
  }

  #bucket(pack: Pack, n: number): Uint8Array {
    const key = `${pack.id} ${n}`
    const known = this.#buckets.get(key)
    if (known) return known
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
