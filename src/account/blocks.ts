import { CBOR_DATA_CODEC, SHA256_HASH_CODE, type Cid, createCid } from '@atproto/lex-data'
import { BlockMap, ReadableBlockstore } from '@atproto/repo'
import { sha256 } from '../repo/sha256.ts'
import { bytes, hexList, type Sql } from './sql.ts'

/** The CID of a DAG-CBOR block. */
export const cborCid = (block: Uint8Array): Cid => createCid(CBOR_DATA_CODEC, SHA256_HASH_CODE, sha256(block))

/** A key for maps and sets: shorter and cheaper than the base32 text. */
export const cidKey = (cid: Cid): string =>
  Buffer.from(cid.bytes.buffer, cid.bytes.byteOffset, cid.bytes.byteLength).toString('latin1')

const CID_LENGTH = 36
// Packed lists of dropped CIDs stay far below the 2 MB that a row may have.
const PER_PART = 10_000

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

  /** The blocks found among these, keyed by `cidKey`, of whichever revision. */
  readMany(cids: readonly Cid[]): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>()
    const rows = this.#sql.all<{ cid: ArrayBuffer; bytes: ArrayBuffer }>(
      'SELECT b.cid, b.bytes FROM json_each(?) j JOIN block b ON b.cid = unhex(j.value)',
      hexList(cids.map((cid) => cid.bytes)),
    )
    for (const row of rows) found.set(Buffer.from(row.cid).toString('latin1'), bytes(row.bytes))
    return found
  }

  /** Those of these that belong to the current tree, with their bytes. */
  current(cids: readonly Cid[]): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>()
    const rows = this.#sql.all<{ cid: ArrayBuffer; bytes: ArrayBuffer }>(
      `SELECT b.cid, b.bytes FROM json_each(?) j JOIN block b ON b.cid = unhex(j.value)
       WHERE b.dropped IS NULL AND b.made <= (SELECT rev FROM account)`,
      hexList(cids.map((cid) => cid.bytes)),
    )
    for (const row of rows) found.set(Buffer.from(row.cid).toString('latin1'), bytes(row.bytes))
    return found
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
    const found = this.readMany(cids)
    const blocks = new BlockMap()
    const missing: Cid[] = []
    for (const cid of cids) {
      const block = found.get(cidKey(cid))
      if (block) blocks.set(cid, block)
      else missing.push(cid)
    }
    return { blocks, missing }
  }
}
