import type { SectionReader } from '../../repo/car/sectionReader.ts'
import type { Sql } from '../db/sql.ts'
import { SectionRows } from './sectionRows.ts'

/** Small enough that reading a row for a single block costs little, where blocks come in no order. */
const ROW_BYTES = 16 * 1024

/** Blocks that an import has received and cannot use yet, in the order in which they came. */
export class Staging {
  readonly #rows: SectionRows

  constructor(sql: Sql, seed: number) {
    this.#rows = new SectionRows({
      seed,
      rowBytes: ROW_BYTES,
      first: 1,
      write: (n, row) => void sql.run('INSERT INTO staged (n, bytes) VALUES (?, ?)', n, row),
      read: (n) => sql.first<{ bytes: ArrayBuffer }>('SELECT bytes FROM staged WHERE n = ?', n)?.bytes,
    })
  }

  /** How many blocks are staged. */
  get blocks(): number {
    return this.#rows.table.size
  }

  /** Bytes of their sections. */
  get size(): number {
    return this.#rows.total
  }

  /** Stages a section that was checked; a block that is staged already is ignored. */
  add(section: SectionReader): void {
    if (this.find(section.bytes, section.cidAt)) return
    this.#rows.reserve(section)
    this.#rows.add(section)
  }

  /** The section of the CID at `offset` of `cid`, valid until the next is added; undefined where it is not staged. */
  find(cid: Uint8Array, offset = 0): SectionReader | undefined {
    return this.#rows.find(cid, offset)?.section
  }
}
