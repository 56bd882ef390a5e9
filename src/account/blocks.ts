import { CBOR_DATA_CODEC, SHA256_HASH_CODE, type Cid, createCid, decodeCid } from '@atproto/lex-data'
import { BlockMap, ReadableBlockstore } from '@atproto/repo'
import { cidText } from '../repo/cid.ts'
import { sha256 } from '../repo/sha256.ts'
import type { DigestSet } from './digestSet.ts'
import { bytes, hexList, type Sql } from './sql.ts'

/** The CID of a DAG-CBOR block. */
export const cborCid = (block: Uint8Array): Cid => createCid(CBOR_DATA_CODEC, SHA256_HASH_CODE, sha256(block))

/** A key for maps and sets: shorter and cheaper than the base32 text. */
export const cidKey = (cid: Cid): string =>
  Buffer.from(cid.bytes.buffer, cid.bytes.byteOffset, cid.bytes.byteLength).toString('latin1')

const CID_LENGTH = 36
// Packed lists of dropped CIDs stay far below the 2 MB that a row may have.
const PER_PART = 10_000
// How many bytes of blocks one read may bring into memory, a last one of up to 2 MB on top.
const READ_BYTES = 2 * 1024 * 1024

/**
 * The blocks of the repository. A row belongs to every tree from `made` until before `dropped`;
 * rows of an import that is being staged have a `made` above the head and belong to none.
 * Bytes found under a CID are right whatever the interval, so reads by CID need no revision.
 */
export class Blocks extends ReadableBlockstore {
  readonly #sql: Sql

  constructor(sql: Sql) {
    super()
    this.#sql = sql
  }

  /** The bytes of a block, of whichever revision. */
  read(cid: Cid): Uint8Array | undefined {
    const row = this.#sql.first<{ bytes: ArrayBuffer }>(
      'SELECT bytes FROM block WHERE cid = ? LIMIT 1',
      cid.bytes,
    )
    return row && bytes(row.bytes)
  }

  /**
   * Blocks for a walk, keyed by the CID's text: the first always, the others up to about twice
   * `budget` bytes. With `staged`, none that has been dropped, and those of a staged import too.
   */
  readSome(cids: readonly Cid[], staged = false, budget = READ_BYTES): Map<string, Uint8Array> {
    // One query for many is twice as fast as one for each, but all together must not bring more than is due.
    const rows = this.#sql.all<{ n: number; size: number; bytes: ArrayBuffer | null }>(
      `SELECT j.key AS n, length(b.bytes) AS size, CASE WHEN length(b.bytes) <= ?2 THEN b.bytes END AS bytes
       FROM json_each(?1) j JOIN block b ON b.cid = unhex(j.value) ${staged ? 'WHERE b.dropped IS NULL' : ''}`,
      hexList(cids.map((cid) => cid.bytes)),
      Math.floor(budget / Math.max(1, cids.length)),
    )
    const found = new Map<string, Uint8Array>()
    const large: { n: number; size: number }[] = []
    for (const row of rows) {
      const cid = cids[row.n]
      if (cid && row.bytes) found.set(cidText(cid.bytes), bytes(row.bytes))
      else if (cid) large.push(row)
    }
    let size = 0
    const due = large
      .toSorted((a, b) => a.n - b.n)
      .filter((row, i) => (size += row.size) <= budget || i === 0)
      .flatMap(({ n }) => cids[n] ?? [])
    if (due.length === 0) return found
    for (const row of this.#sql.all<{ n: number; bytes: ArrayBuffer }>(
      'SELECT j.key AS n, b.bytes AS bytes FROM json_each(?) j JOIN block b ON b.cid = unhex(j.value)',
      hexList(due.map((cid) => cid.bytes)),
    )) {
      const cid = due[row.n]
      if (cid) found.set(cidText(cid.bytes), bytes(row.bytes))
    }
    return found
  }

  /** Those of these that belong to the current tree. */
  current(cids: readonly Cid[]): Set<string> {
    const rows = this.#sql.all<{ cid: ArrayBuffer }>(
      `SELECT b.cid FROM json_each(?) j JOIN block b ON b.cid = unhex(j.value)
       WHERE b.dropped IS NULL AND b.made <= (SELECT rev FROM account)`,
      hexList(cids.map((cid) => cid.bytes)),
    )
    return new Set(rows.map((row) => Buffer.from(row.cid).toString('latin1')))
  }

  /** Whether the block belongs to the current tree. */
  isCurrent(cid: Cid): boolean {
    const row = this.#sql.first(
      'SELECT 1 AS yes FROM block WHERE cid = ? AND dropped IS NULL AND made <= (SELECT rev FROM account)',
      cid.bytes,
    )
    return row !== undefined
  }

  /** Opens an interval at `rev`. The caller has seen that the block is not in the current tree. */
  insert(cid: Cid, block: Uint8Array, rev: string): void {
    this.#sql.run('INSERT INTO block (cid, made, bytes) VALUES (?, ?, ?)', cid.bytes, rev, block)
  }

  /** Closes the intervals of these blocks at `rev` and remembers them for collection; answers how many there were. */
  drop(cids: readonly Cid[], rev: string, now: number): number {
    const dropped: Cid[] = []
    for (const cid of cids) {
      const written = this.#sql.run(
        'UPDATE block SET dropped = ? WHERE cid = ? AND dropped IS NULL AND made < ?',
        rev,
        cid.bytes,
        rev,
      )
      if (written > 0) dropped.push(cid)
    }
    for (let part = 0; part * PER_PART < dropped.length; part++) {
      const packed = Buffer.concat(
        dropped.slice(part * PER_PART, (part + 1) * PER_PART).map((cid) => cid.bytes),
      )
      this.#sql.run('INSERT INTO garbage (rev, part, at, cids) VALUES (?, ?, ?, ?)', rev, part, now, packed)
    }
    return dropped.length
  }

  /** Of the rows staged under `made` and of the current ones, those that are not in `reached`. */
  unreached(made: string, reached: DigestSet): { staged: Cid[]; current: Cid[] } {
    const staged: Cid[] = []
    const current: Cid[] = []
    let after: { cid: Uint8Array; made: string } = { cid: new Uint8Array(0), made: '' }
    for (;;) {
      const rows = this.#sql.all<{ cid: ArrayBuffer; made: string; dropped: string | null }>(
        'SELECT cid, made, dropped FROM block WHERE (cid, made) > (?, ?) ORDER BY cid, made LIMIT 5000',
        after.cid,
        after.made,
      )
      for (const row of rows) {
        const cid = bytes(row.cid)
        after = { cid, made: row.made }
        if (row.dropped !== null || reached.has(cid.subarray(CID_LENGTH - 32))) continue
        ;(row.made === made ? staged : current).push(decodeCid(cid))
      }
      if (rows.length === 0) return { staged, current }
    }
  }

  /**
   * Deletes blocks that were dropped before `before` (milliseconds) and no later than the revision
   * `keep`, which the oldest running export reads. One step of at most about `limit` blocks.
   */
  collect(before: number, keep: string | undefined, limit: number): { deleted: number; more: boolean } {
    return this.#sql.transaction(() => {
      let deleted = 0
      for (;;) {
        const part = this.#sql.first<{ rev: string; part: number; cids: ArrayBuffer }>(
          'SELECT rev, part, cids FROM garbage WHERE at < ? AND rev <= ? ORDER BY rev, part LIMIT 1',
          before,
          keep ?? '~',
        )
        if (!part) return { deleted, more: false }
        if (deleted >= limit) return { deleted, more: true }
        const packed = bytes(part.cids)
        const cids: Uint8Array[] = []
        for (let at = 0; at < packed.length; at += CID_LENGTH) cids.push(packed.subarray(at, at + CID_LENGTH))
        this.#sql.run(
          'DELETE FROM block WHERE dropped = ? AND cid IN (SELECT unhex(value) FROM json_each(?))',
          part.rev,
          hexList(cids),
        )
        this.#sql.run('DELETE FROM garbage WHERE rev = ? AND part = ?', part.rev, part.part)
        deleted += cids.length
      }
    })
  }

  override async getBytes(cid: Cid): Promise<Uint8Array | null> {
    return this.read(cid) ?? null
  }

  override async has(cid: Cid): Promise<boolean> {
    return this.read(cid) !== undefined
  }

  override async getBlocks(cids: Cid[]): Promise<{ blocks: BlockMap; missing: Cid[] }> {
    const blocks = new BlockMap()
    const missing: Cid[] = []
    for (const cid of cids) {
      const block = this.read(cid)
      if (block) blocks.set(cid, block)
      else missing.push(cid)
    }
    return { blocks, missing }
  }
}
