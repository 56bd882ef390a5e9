import { DigestTable } from '../../repo/digestTable.ts'
import type { Sections } from '../../repo/section.ts'
import { bytes, type Sql } from '../sql.ts'
import { Cache } from './cache.ts'
import { sectionIn } from './place.ts'

// Small enough that reading one for a single block costs little, where they come in no order.
const ROW = 16 * 1024
const CACHE = 1024 * 1024

/** What an import has received and cannot use yet, and where each block of it is. The rows are as the blocks came. */
export class Staging {
  readonly #sql: Sql
  readonly #table: DigestTable
  readonly #rows: Cache<Uint8Array>
  #row = new Uint8Array(ROW)
  #length = 0
  #n = 1
  blocks = 0
  /** Bytes of their sections. */
  size = 0

  constructor(sql: Sql, seed: number) {
    this.#sql = sql
    this.#table = new DigestTable(seed)
    this.#rows = new Cache(CACHE, ({ length }) => length)
  }

  /** Takes a checked section; a block that came already is passed over. */
  add({ bytes: from, start, cid, end }: Sections): void {
    if (this.section(from, cid)) return
    const size = end - start
    if (this.#length + size > ROW) this.#flush()
    if (size > this.#row.length) this.#row = new Uint8Array(size)
    this.#row.set(from.subarray(start, end), this.#length)
    this.#table.add(from, cid, this.#n, this.#length)
    this.#length += size
    this.size += size
    this.blocks++
  }

  /** The section of the CID at `at` of `cid`; undefined where it did not come. */
  section(cid: Uint8Array, at = 0): Sections | undefined {
    return sectionIn(this.#table, cid, at, (n) => this.#bytes(n))?.section
  }

  #flush(): void {
    if (this.#length === 0) return
    this.#sql.run('INSERT INTO staged (n, bytes) VALUES (?, ?)', this.#n, this.#row.subarray(0, this.#length))
    this.#n++
    this.#length = 0
  }

  #bytes(n: number): Uint8Array {
    if (n === this.#n) return this.#row.subarray(0, this.#length)
    const known = this.#rows.get(n)
    if (known) return known
    const row = this.#sql.first<{ bytes: ArrayBuffer }>('SELECT bytes FROM staged WHERE n = ?', n)
    return this.#rows.set(n, row ? bytes(row.bytes) : new Uint8Array(0))
  }
}
