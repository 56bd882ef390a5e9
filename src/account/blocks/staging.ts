import type { SectionReader } from '../../repo/sectionReader.ts'
import type { Sql } from '../db/sql.ts'
import { SectionRows } from './sectionRows.ts'

// Small enough that reading one for a single block costs little, where they come in no order.
const ROW = 16 * 1024

/** What an import has received and cannot use yet. The rows are as the blocks came. */
export class Staging {
  readonly #rows: SectionRows

  constructor(sql: Sql, seed: number) {
    this.#rows = new SectionRows({
      seed,
      size: ROW,
      first: 1,
      write: (n, row) => void sql.run('INSERT INTO staged (n, bytes) VALUES (?, ?)', n, row),
      read: (n) => sql.first<{ bytes: ArrayBuffer }>('SELECT bytes FROM staged WHERE n = ?', n)?.bytes,
    })
  }

  get blocks(): number {
    return this.#rows.table.size
  }

  /** Bytes of their sections. */
  get size(): number {
    return this.#rows.total
  }

  /** Takes a checked section; a block that came already is passed over. */
  add(section: SectionReader): void {
    if (this.section(section.bytes, section.cid)) return
    this.#rows.reserve(section)
    this.#rows.add(section)
  }

  /** The section of the CID at `at` of `cid`, good until the next is added; undefined where it did not come. */
  section(cid: Uint8Array, at = 0): SectionReader | undefined {
    return this.#rows.find(cid, at)?.section
  }
}
