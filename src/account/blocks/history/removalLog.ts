import { fault } from '../../../fault.ts'
import { sameCid } from '../../../repo/cidBytes.ts'
import { digestWord } from '../../../repo/digestTable.ts'
import { bytes, type Sql } from '../../db/sql.ts'
import { ABOVE_ALL_REVS } from '../blockLocation.ts'
import { LruCache } from '../lruCache.ts'
import { LIFETIME_BYTES, lifetimeAt } from './blockLifetime.ts'

/** How much is kept, and how much is written at a time. */
export interface RemovalLogLimits {
  /** Bytes that are kept at most; each row counts as one lifetime more. */
  maxBytes: number
  /** Lifetimes in a row of the table: the cache holds some rows. */
  lifetimesPerRow: number
  /** Blocks that one step of writing looks up, which takes some ten milliseconds. */
  blocksPerStep: number
  /** What commits dropped is written after this many blocks. */
  dropsPerWrite: number
}

/** Room for some 270,000 removed blocks. */
export const REMOVAL_LOG_LIMITS: RemovalLogLimits = {
  maxBytes: 16 * 1024 * 1024,
  lifetimesPerRow: 4000,
  blocksPerStep: 500,
  dropsPerWrite: 400,
}

/** A key in memory is digest * MAX_NUMBER + number: of the 53 bits of a number, a lifetime's number takes 21. */
const MAX_NUMBER = 2 ** 21
const CACHE_BYTES = 1024 * 1024
/** Revisions for which the number of the first lifetime that ends after them is kept in memory. */
const CACHED_REVS = 100

/**
 * A row: the blocks that were removed with the revisions after `begins`, up to `ends`; or those of them that did not
 * fit into the row before. The last row of the commit log that is covered is `n`.
 */
type Row = { id: number; n: number; begins: string; ends: string; size: number }

/** A row, with the number of its first lifetime among all. */
interface NumberedRow extends Row {
  first: number
}

/**
 * Which blocks were removed from the tree, and when they had been in it, in the table `trail`. It covers the commits
 * whose rows have been deleted, so that it stays known what the tree of an old revision had. It has a maximal size:
 * the oldest lifetimes are forgotten.
 */
export class RemovalLog {
  readonly #sql: Sql
  readonly limits: RemovalLogLimits
  readonly #lists: LruCache<Uint8Array>
  #rows: NumberedRow[] | undefined
  /** Digest and number of every lifetime, sorted: 8 bytes each. */
  #keys: Float64Array | undefined
  /** By revision, the number of the first lifetime that ends after it: one revision is asked for many times. */
  readonly #firstEnding = new Map<string, number>()
  #rollbacks = 0

  constructor(sql: Sql, limits = REMOVAL_LOG_LIMITS) {
    this.#sql = sql
    this.limits = limits
    this.#lists = new LruCache(CACHE_BYTES, ({ length }) => length)
  }

  /** The revision from which on all removals are known. */
  get begins(): string {
    return this.#all()[0]?.begins ?? ABOVE_ALL_REVS
  }

  /** The last revision that is covered, and its last row of the commit log. */
  get end(): { n: number; ends: string } {
    return this.#all().at(-1) ?? { n: 0, ends: '' }
  }

  /** Adds what was removed after its end, up to the revision `ends`, as `encodeLifetimes` gives it. */
  append(n: number, ends: string, list: Uint8Array): void {
    const sql = this.#sql
    sql.transaction(() => {
      let begins = this.end.ends
      const rowBytes = this.limits.lifetimesPerRow * LIFETIME_BYTES
      for (let offset = 0; offset === 0 || offset < list.length; offset += rowBytes) {
        const row = list.subarray(offset, offset + rowBytes)
        sql.run('INSERT INTO trail (n, begins, ends, gone) VALUES (?, ?, ?, ?)', n, begins, ends, row)
        // The rows after the first begin where they all end: once the first is forgotten, the others are incomplete,
        // and of no use.
        begins = ends
      }
      fault('removalLog.afterRow')
      const sizes = sql.all<{ id: number; size: number }>(
        `SELECT id, length(gone) + ${LIFETIME_BYTES} AS size FROM trail ORDER BY id DESC`,
      )
      let size = 0
      const old = sizes.find((row, i) => (size += row.size) > this.limits.maxBytes && i > 0)
      if (old) sql.run('DELETE FROM trail WHERE id <= ?', old.id)
    })
    this.#forget()
  }

  /** Forgets everything: removals are known from this revision on. */
  restart(n: number, rev: string): void {
    this.#sql.transaction(() => {
      this.#sql.run('DELETE FROM trail')
      this.#sql.run("INSERT INTO trail (n, begins, ends, gone) VALUES (?, ?, ?, x'')", n, rev, rev)
    })
    this.#forget()
  }

  /** Whether the block of the CID at `offset` of `cid` was in the tree of `rev`, and was removed later. */
  has(rev: string, cid: Uint8Array, offset: number): boolean {
    const rows = this.#all()
    const keys = (this.#keys ??= this.#readKeys(rows))
    // Of one block, a lifetime ends before the next begins: only the first that ends after `rev` can contain it.
    const digest = digestWord(cid, offset) * MAX_NUMBER
    const lowest = digest + this.#firstEndingAfter(rows, keys.length, rev)
    let i = countBelow(keys.length, (n) => (keys[n] ?? 0) < lowest)
    for (; i < keys.length; i++) {
      const number = (keys[i] ?? 0) - digest
      if (number >= MAX_NUMBER) return false
      const lifetime = this.#find(rows, number)
      if (!sameCid(lifetime.list, lifetime.offset, cid, offset)) continue
      const { from, until } = lifetimeAt(lifetime.list, lifetime.offset)
      if (until > rev) return from <= rev
    }
    return false
  }

  /** Reads rows that another object wrote. */
  refresh(): void {
    const last = this.#sql.first<{ id: number; ends: string }>(
      'SELECT id, ends FROM trail ORDER BY id DESC LIMIT 1',
    )
    const known = this.#all().at(-1)
    if (last?.id !== known?.id || last?.ends !== known?.ends) this.#forget()
  }

  #forget(): void {
    this.#rows = this.#keys = undefined
    this.#firstEnding.clear()
    this.#lists.clear()
  }

  #all(): readonly NumberedRow[] {
    // A transaction that failed may have taken rows back.
    if (this.#rollbacks !== this.#sql.rollbacks) this.#forget()
    this.#rollbacks = this.#sql.rollbacks
    if (this.#rows) return this.#rows
    let first = 0
    const rows = this.#sql.all<Row>('SELECT id, n, begins, ends, length(gone) AS size FROM trail ORDER BY id')
    return (this.#rows = rows.map((row) => {
      const numbered = { ...row, first }
      first += countOf(row)
      return numbered
    }))
  }

  #readKeys(rows: readonly NumberedRow[]): Float64Array {
    const keys = new Float64Array(rows.reduce((sum, row) => sum + countOf(row), 0))
    for (const row of rows) {
      const list = this.#list(row)
      for (
        let offset = 0, i = row.first;
        offset + LIFETIME_BYTES <= list.length;
        offset += LIFETIME_BYTES, i++
      )
        keys[i] = digestWord(list, offset) * MAX_NUMBER + i
    }
    return keys.sort()
  }

  #firstEndingAfter(rows: readonly NumberedRow[], count: number, rev: string): number {
    const cached = this.#firstEnding.get(rev)
    if (cached !== undefined) return cached
    const first = countBelow(count, (n) => {
      const { list, offset } = this.#find(rows, n)
      return lifetimeAt(list, offset).until <= rev
    })
    if (this.#firstEnding.size >= CACHED_REVS) this.#firstEnding.clear()
    this.#firstEnding.set(rev, first)
    return first
  }

  /** The lifetime of this number: the list that it is in, and where it begins there. */
  #find(rows: readonly NumberedRow[], number: number): { list: Uint8Array; offset: number } {
    const row = rows[countBelow(rows.length, (n) => (rows[n]?.first ?? 0) <= number) - 1]
    if (!row) throw new Error(`the removal log has no lifetime ${number}`)
    return { list: this.#list(row), offset: (number - row.first) * LIFETIME_BYTES }
  }

  #list({ id }: Row): Uint8Array {
    const cached = this.#lists.get(id)
    if (cached) return cached
    const row = this.#sql.first<{ gone: ArrayBuffer }>('SELECT gone FROM trail WHERE id = ?', id)
    return this.#lists.set(id, row ? bytes(row.gone) : new Uint8Array(0))
  }
}

const countOf = ({ size }: Row): number => Math.floor(size / LIFETIME_BYTES)

/** How many of the numbers from 0 to below `count` satisfy `isBelow`, where those that do come before all others. */
const countBelow = (count: number, isBelow: (n: number) => boolean): number => {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (isBelow(middle)) low = middle + 1
    else high = middle
  }
  return low
}
