import { DigestTable } from '../../repo/digestTable.ts'
import { sameCid, SectionReader } from '../../repo/sectionReader.ts'
import { bytes } from '../db/sql.ts'
import { LruCache } from './lruCache.ts'

// Rows that are read again.
const CACHE = 1024 * 1024
// The place in a row, and above it the mark: a row with more than one block is far smaller.
const MARK = 2 ** 24

export interface SectionRowsOptions {
  seed: number
  /** Bytes of a row. A larger block has one of its own. */
  size: number
  /** The number of the first row. */
  first: number
  write(n: number, row: Uint8Array): void
  read(n: number): ArrayBuffer | undefined
}

/** Sections put together in rows, and found again: a table in memory knows the place of each. */
export class SectionRows {
  readonly #options: SectionRowsOptions
  readonly #read: LruCache<Uint8Array>
  /** Of each block the row, counted from the first, and the place in it, with the mark. */
  readonly table: DigestTable
  #row: Uint8Array
  /** The number of the row that is being filled, and its bytes so far. */
  n: number
  length = 0
  /** Bytes of all of them. */
  total = 0

  constructor(options: SectionRowsOptions) {
    this.#options = options
    this.#read = new LruCache(CACHE, ({ length }) => length)
    this.table = new DigestTable(options.seed)
    this.#row = new Uint8Array(options.size)
    this.n = options.first
  }

  /** Makes room for a section: the row is written if it has too little. */
  reserve({ start, end }: SectionReader): void {
    if (this.length + end - start > this.#options.size) this.flush()
  }

  /** Adds a section for which there is room. */
  add({ bytes: from, start, cid, end }: SectionReader, isMarked = false): void {
    const size = end - start
    if (size > this.#row.length) this.#row = new Uint8Array(size)
    this.table.add(from, cid, this.n - this.#options.first, this.length + (isMarked ? MARK : 0))
    this.#row.set(from.subarray(start, end), this.length)
    this.length += size
    this.total += size
  }

  /** Writes the row that is being filled, if anything is in it. */
  flush(): void {
    if (this.length === 0) return
    this.#options.write(this.n++, this.#row.subarray(0, this.length))
    this.length = 0
  }

  /** The section of the CID at `at` of `cid`, good until the next is added. */
  find(cid: Uint8Array, at: number): { section: SectionReader; isMarked: boolean } | undefined {
    const { table } = this
    for (const slot of table.slots(cid, at)) {
      const section = new SectionReader(
        this.#bytes(table.first(slot) + this.#options.first),
        this.place(slot),
      )
      if (section.next() && sameCid(section.bytes, section.cid, cid, at))
        return { section, isMarked: table.second(slot) >= MARK }
    }
    return undefined
  }

  /** The place in its row of what is in this slot of the table. */
  place(slot: number): number {
    return this.table.second(slot) % MARK
  }

  #bytes(n: number): Uint8Array {
    if (n === this.n) return this.#row.subarray(0, this.length)
    const known = this.#read.get(n)
    if (known) return known
    const row = this.#options.read(n)
    return this.#read.set(n, row ? bytes(row) : new Uint8Array(0))
  }
}
