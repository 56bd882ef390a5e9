import { CID_LENGTH } from '../../repo/cborReader.ts'
import { digestWord } from '../../repo/digestTable.ts'
import { sameCid } from '../../repo/sectionReader.ts'
import { fault } from '../../fault.ts'
import { bytes, type Sql } from '../db/sql.ts'
import { LruCache } from './lruCache.ts'

// A TID.
const REV = 13
/** A CID, the revision with which the block came, and the one with which it went. */
export const ENTRY = CID_LENGTH + 2 * REV
/** How much is kept, and written at a time. */
export interface RemovalLogSize {
  /** Bytes that are kept at most, each row counted as one entry more. */
  bytes: number
  /** Entries of a row: a cache holds some rows. */
  row: number
  /** Blocks that one step of writing looks up: some ten milliseconds. */
  looks: number
  /** After how many of them what commits dropped is written. */
  drops: number
}
/** Some 270,000 blocks that went. */
export const REMOVAL_LOG_SIZE: RemovalLogSize = { bytes: 16 * 1024 * 1024, row: 4000, looks: 500, drops: 400 }
// An entry's number takes 21 bits of the 53 that a number has, its digest the others.
const NUMBERS = 2 ** 21
const CACHE = 1024 * 1024
const FIRSTS = 100

/**
 * A row: what went with the revisions after `begins`, up to `ends`, or the rest of what did not fit into the row before.
 * Up to there the loose rows go to `n`.
 */
type Row = { id: number; n: number; begins: string; ends: string; size: number }

interface Place extends Row {
  /** The number of its first entry. */
  first: number
}

/** When a block was in the tree: from the revision `from` on, and no longer at `until`. */
export interface BlockLifetime {
  cid: Uint8Array
  from: string
  until: string
}

/** For `Trail.append`: entries, in the order in which they went. */
export const lifetimes = (all: readonly BlockLifetime[]): Uint8Array => {
  const list = Buffer.alloc(all.length * ENTRY)
  for (const [i, { cid, from, until }] of all.entries()) {
    list.set(cid, i * ENTRY)
    list.write(from + until, i * ENTRY + CID_LENGTH, 'latin1')
  }
  return list
}

/** The entry at `at`: its CID stands there. */
export const lifetimeAt = (list: Uint8Array, at: number): Omit<BlockLifetime, 'cid'> => {
  const text = Buffer.from(list.buffer, list.byteOffset + at + CID_LENGTH, 2 * REV).toString('latin1')
  return { from: text.slice(0, REV), until: text.slice(REV) }
}

/**
 * Which blocks went from the tree, and when they had been there: of the commits whose rows have been deleted,
 * so that it stays known what the tree of an old revision had. It is a log with a bound: what is
 * oldest is forgotten.
 */
export class RemovalLog {
  readonly #sql: Sql
  readonly size: RemovalLogSize
  readonly #lists: LruCache<Uint8Array>
  #rows: Place[] | undefined
  /** Digest and number of every entry, in order: 8 bytes each. */
  #keys: Float64Array | undefined
  /** By revision, the number of the first entry of a block that went after it: the same is asked many times. */
  readonly #firsts = new Map<string, number>()
  #rollbacks = 0

  constructor(sql: Sql, size = REMOVAL_LOG_SIZE) {
    this.#sql = sql
    this.size = size
    this.#lists = new LruCache(CACHE, ({ length }) => length)
  }

  /** The revision from which on it knows what went. */
  get begins(): string {
    return this.#all()[0]?.begins ?? '~'
  }

  /** How far it has come: the last revision, and its loose row. */
  get end(): { n: number; ends: string } {
    return this.#all().at(-1) ?? { n: 0, ends: '' }
  }

  /** What went between its end and here, as `stays`. */
  append(n: number, ends: string, gone: Uint8Array): void {
    const sql = this.#sql
    sql.transaction(() => {
      let begins = this.end.ends
      const length = this.size.row * ENTRY
      for (let at = 0; at === 0 || at < gone.length; at += length) {
        const row = gone.subarray(at, at + length)
        sql.run('INSERT INTO trail (n, begins, ends, gone) VALUES (?, ?, ?, ?)', n, begins, ends, row)
        // When the first is forgotten, the others are of no use.
        begins = ends
      }
      fault('trail.afterRow')
      const sizes = sql.all<{ id: number; size: number }>(
        `SELECT id, length(gone) + ${ENTRY} AS size FROM trail ORDER BY id DESC`,
      )
      let size = 0
      const old = sizes.find((row, i) => (size += row.size) > this.size.bytes && i > 0)
      if (old) sql.run('DELETE FROM trail WHERE id <= ?', old.id)
    })
    this.#forget()
  }

  /** Forgets everything: from here on it knows. */
  restart(n: number, rev: string): void {
    this.#sql.transaction(() => {
      this.#sql.run('DELETE FROM trail')
      this.#sql.run("INSERT INTO trail (n, begins, ends, gone) VALUES (?, ?, ?, x'')", n, rev, rev)
    })
    this.#forget()
  }

  /** Whether the block was there at `rev`, and went later. */
  has(rev: string, cid: Uint8Array, at: number): boolean {
    const rows = this.#all()
    const keys = (this.#keys ??= this.#read(rows))
    // Of the same block one stay ends before the next begins: only the first that ends after `rev` can be it.
    const digest = digestWord(cid, at) * NUMBERS
    const least = digest + this.#after(rows, keys.length, rev)
    let i = below(keys.length, (n) => (keys[n] ?? 0) < least)
    for (; i < keys.length; i++) {
      const number = (keys[i] ?? 0) - digest
      if (number >= NUMBERS) return false
      const { list, place } = this.#entry(rows, number)
      if (!sameCid(list, place, cid, at)) continue
      const { from, until } = lifetimeAt(list, place)
      if (until > rev) return from <= rev
    }
    return false
  }

  /** Takes note of rows that another object wrote. */
  refresh(): void {
    const last = this.#sql.first<{ id: number; ends: string }>(
      'SELECT id, ends FROM trail ORDER BY id DESC LIMIT 1',
    )
    const known = this.#all().at(-1)
    if (last?.id !== known?.id || last?.ends !== known?.ends) this.#forget()
  }

  #forget(): void {
    this.#rows = this.#keys = undefined
    this.#firsts.clear()
    this.#lists.clear()
  }

  #all(): readonly Place[] {
    if (this.#rollbacks !== this.#sql.rollbacks) this.#forget()
    this.#rollbacks = this.#sql.rollbacks
    if (this.#rows) return this.#rows
    let first = 0
    const rows = this.#sql.all<Row>('SELECT id, n, begins, ends, length(gone) AS size FROM trail ORDER BY id')
    return (this.#rows = rows.map((row) => {
      const place = { ...row, first }
      first += countOf(row)
      return place
    }))
  }

  #read(rows: readonly Place[]): Float64Array {
    const keys = new Float64Array(rows.reduce((sum, row) => sum + countOf(row), 0))
    for (const row of rows) {
      const list = this.#list(row)
      for (let at = 0, i = row.first; at + ENTRY <= list.length; at += ENTRY, i++)
        keys[i] = digestWord(list, at) * NUMBERS + i
    }
    return keys.sort()
  }

  #after(rows: readonly Place[], count: number, rev: string): number {
    const known = this.#firsts.get(rev)
    if (known !== undefined) return known
    const first = below(count, (n) => {
      const { list, place } = this.#entry(rows, n)
      return lifetimeAt(list, place).until <= rev
    })
    if (this.#firsts.size >= FIRSTS) this.#firsts.clear()
    this.#firsts.set(rev, first)
    return first
  }

  #entry(rows: readonly Place[], number: number): { list: Uint8Array; place: number } {
    const row = rows[below(rows.length, (n) => (rows[n]?.first ?? 0) <= number) - 1]
    if (!row) throw new Error(`the trail has no entry ${number}`)
    return { list: this.#list(row), place: (number - row.first) * ENTRY }
  }

  #list({ id }: Row): Uint8Array {
    const known = this.#lists.get(id)
    if (known) return known
    const row = this.#sql.first<{ gone: ArrayBuffer }>('SELECT gone FROM trail WHERE id = ?', id)
    return this.#lists.set(id, row ? bytes(row.gone) : new Uint8Array(0))
  }
}

const countOf = ({ size }: Row): number => Math.floor(size / ENTRY)

/** Of numbers from 0 to below `count`, how many are below: they come before all that are not. */
const below = (count: number, isBelow: (n: number) => boolean): number => {
  let [low, high] = [0, count]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (isBelow(middle)) low = middle + 1
    else high = middle
  }
  return low
}
