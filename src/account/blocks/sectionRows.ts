import { SectionReader } from '../../repo/car/sectionReader.ts'
import { sameCid } from '../../repo/cidBytes.ts'
import { DigestTable } from '../../repo/digestTable.ts'
import { bytes } from '../db/sql.ts'
import { LruCache } from './lruCache.ts'

/** The size of the cache of rows that are read again. */
const CACHE_BYTES = 1024 * 1024
/** Added to the offset of a marked section: an offset in a row with more than one block is far smaller. */
const MARK = 2 ** 24

/** How the rows are numbered, written and read. */
export interface SectionRowsOptions {
  seed: number
  /** Bytes of a row. A larger block has a row of its own. */
  rowBytes: number
  /** The number of the first row. */
  first: number
  write(n: number, row: Uint8Array): void
  read(n: number): ArrayBuffer | undefined
}

/**
 * Writes sections to rows, several in each, and finds them again by a table in memory. A section may be marked; what
 * the mark means is up to the caller.
 */
export class SectionRows {
  readonly #options: SectionRowsOptions
  readonly #cache: LruCache<Uint8Array>
  /** For each block its row, counted from the first, and the offset in it, with the mark. */
  readonly table: DigestTable
  #row: Uint8Array
  /** The number of the row that is being filled. */
  n: number
  /** Bytes of the row that is being filled. */
  length = 0
  /** Bytes of all sections. */
  total = 0

  constructor(options: SectionRowsOptions) {
    this.#options = options
    this.#cache = new LruCache(CACHE_BYTES, ({ length }) => length)
    this.table = new DigestTable(options.seed)
    this.#row = new Uint8Array(options.rowBytes)
    this.n = options.first
  }

  /** Makes room for a section: writes the row if it has too little. */
  reserve({ start, end }: SectionReader): void {
    if (this.length + end - start > this.#options.rowBytes) this.flush()
  }

  /** Adds a section for which `reserve` has made room. */
  add({ bytes: from, start, cidAt, end }: SectionReader, isMarked = false): void {
    const size = end - start
    if (size > this.#row.length) this.#row = new Uint8Array(size)
    this.table.add(from, cidAt, this.n - this.#options.first, this.length + (isMarked ? MARK : 0))
    this.#row.set(from.subarray(start, end), this.length)
    this.length += size
    this.total += size
  }

  /** Writes the row that is being filled, unless it is empty. */
  flush(): void {
    if (this.length === 0) return
    this.#options.write(this.n++, this.#row.subarray(0, this.length))
    this.length = 0
  }

  /** The section of the CID at `offset` of `cid`, valid until the next is added. */
  find(cid: Uint8Array, offset: number): { section: SectionReader; isMarked: boolean } | undefined {
    const { table } = this
    for (const slot of table.slots(cid, offset)) {
      const row = this.#bytes(table.first(slot) + this.#options.first)
      const section = new SectionReader(row, this.offset(slot))
      if (section.next() && sameCid(section.bytes, section.cidAt, cid, offset))
        return { section, isMarked: table.second(slot) >= MARK }
    }
    return undefined
  }

  /** The offset in its row of the section in this slot of the table. */
  offset(slot: number): number {
    return this.table.second(slot) % MARK
  }

  #bytes(n: number): Uint8Array {
    if (n === this.n) return this.#row.subarray(0, this.length)
    const cached = this.#cache.get(n)
    if (cached) return cached
    const row = this.#options.read(n)
    return this.#cache.set(n, row ? bytes(row) : new Uint8Array(0))
  }
}
