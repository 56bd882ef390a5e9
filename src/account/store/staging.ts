import type { Cid } from '@atproto/lex-data'
import { DigestTable } from '../../repo/digestTable.ts'
import { sameCid, Sections } from '../../repo/section.ts'
import { bytes, type Sql } from '../sql.ts'
import { Cache } from './cache.ts'

// Small enough that reading one for a single block costs little, where they come in no order.
const ROW = 16 * 1024
const CACHE = 1024 * 1024

/** What has been seen of a block on the way through the tree. */
export type Seen = 'not yet' | 'node' | 'record'
const SEEN: readonly Seen[] = ['not yet', 'node', 'record']
// The place in a row and, above it, what was seen.
const PLACE = 2 ** 24

interface Found {
  slot: number
  section: Sections
}

/**
 * What an import has received, and where each block of it is. The rows are as the blocks came; which of them
 * belong to the tree is found later, and remembered here too.
 */
export class Staging {
  readonly #sql: Sql
  readonly #table: DigestTable
  readonly #rows: Cache<Uint8Array>
  #row = new Uint8Array(ROW)
  #length = 0
  #n = 1
  #last: { cid: Cid; found: Found | undefined } | undefined
  blocks = 0

  constructor(sql: Sql, seed: number) {
    this.#sql = sql
    this.#table = new DigestTable(seed)
    this.#rows = new Cache(CACHE, ({ length }) => length)
  }

  /** Takes checked sections; a block that came already is passed over. */
  add(run: Uint8Array): void {
    this.#last = undefined
    const sections = new Sections(run)
    while (sections.next()) {
      const { start, cid, end } = sections
      if (this.#place(run, cid)) continue
      if (this.#length + end - start > ROW) this.flush()
      if (end - start > this.#row.length) this.#row = new Uint8Array(end - start)
      this.#row.set(run.subarray(start, end), this.#length)
      this.#table.add(run, cid, this.#n, this.#length)
      this.#length += end - start
      this.blocks++
    }
  }

  /** Writes what is still in memory. */
  flush(): void {
    if (this.#length === 0) return
    this.#sql.run('INSERT INTO staged (n, bytes) VALUES (?, ?)', this.#n, this.#row.subarray(0, this.#length))
    this.#n++
    this.#length = 0
  }

  /** Where the block is; undefined where it did not come. */
  section(cid: Cid): Sections | undefined {
    return this.#known(cid)?.section
  }

  /** Notes how a block that is here was met; answers how it had been met before. */
  see(cid: Cid, as: 'node' | 'record'): Seen {
    const known = this.#known(cid)
    if (!known) return 'not yet'
    const second = this.#table.second(known.slot)
    this.#table.set(known.slot, this.#table.first(known.slot), (second % PLACE) + SEEN.indexOf(as) * PLACE)
    return SEEN[Math.floor(second / PLACE)] ?? 'not yet'
  }

  /** The same block is asked for a few times in a row. */
  #known(cid: Cid): Found | undefined {
    if (this.#last?.cid !== cid) this.#last = { cid, found: this.#place(cid.bytes, 0) }
    return this.#last.found
  }

  #place(cid: Uint8Array, at: number): Found | undefined {
    const table = this.#table
    for (let slot = table.find(cid, at); slot >= 0; slot = table.find(cid, at, slot)) {
      const n = table.first(slot)
      const section = new Sections(this.#bytes(n), table.second(slot) % PLACE)
      if (section.next() && sameCid(section.bytes, section.cid, cid, at)) return { slot, section }
    }
    return undefined
  }

  #bytes(n: number): Uint8Array {
    if (n === this.#n) return this.#row.subarray(0, this.#length)
    const known = this.#rows.get(n)
    if (known) return known
    const row = this.#sql.first<{ bytes: ArrayBuffer }>('SELECT bytes FROM staged WHERE n = ?', n)
    return this.#rows.set(n, row ? bytes(row.bytes) : new Uint8Array(0))
  }
}
