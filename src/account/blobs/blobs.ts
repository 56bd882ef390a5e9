import type { Cid } from '@atproto/lex-data'
import { fault } from '../../fault.ts'
import type { Platform } from '../../platform.ts'
import { error } from '../../xrpc/errors.ts'
import { putBlob } from './putBlob.ts'
import { BlobIndex, type BlobMeta, type BlobRow } from './blobIndex.ts'
import type { Sql } from '../db/sql.ts'

export type { BlobMeta } from './blobIndex.ts'

export interface BlobRead extends BlobMeta {
  body: ReadableStream<Uint8Array>
  /** What part of the blob `body` is, where a part was asked for. */
  range?: { offset: number; length: number }
}

/** How long an upload that no record refers to is kept; the specification asks for an hour. */
export const UNREFERENCED_KEPT = 24 * 3600_000
// An upload that died leaves an object without a row: after this long it is nobody's.
const UPLOAD_TIME = 24 * 3600_000

/**
 * The account's blobs. A CID is known only when the last byte has come, and R2 has no rename: an
 * object's key is the DID and 128 random bits, and SQL knows which CID it holds. Every object is
 * written down in `blob_loose` before it is made and before it is deleted, so that a death in
 * between leaves nothing that nobody knows of.
 */
export class Blobs extends BlobIndex {
  readonly #sql: Sql
  readonly #platform: Pick<Platform, 'now' | 'random' | 'bucket'>
  readonly #did: string

  constructor(sql: Sql, platform: Pick<Platform, 'now' | 'random' | 'bucket'>, did: string) {
    super(sql, did)
    this.#sql = sql
    this.#platform = platform
    this.#did = did
  }

  /**
   * Stores a blob from a stream. `length` is what was declared, `limit` the most that is taken;
   * with `expect` nothing but that blob is stored.
   */
  async upload(
    body: ReadableStream<Uint8Array>,
    options: { mimeType: string; limit: number; length?: number; expect?: Cid },
  ): Promise<BlobMeta> {
    const { mimeType, limit, length, expect } = options
    if (length !== undefined && length > limit) {
      await body.cancel()
      throw error('PayloadTooLarge', `the blob has ${length} bytes, at most ${limit} are taken`)
    }
    const key = `${this.#did}/${Buffer.from(this.#platform.random(16)).toString('hex')}`
    this.#loose(key, this.#platform.now() + UPLOAD_TIME)
    try {
      const { cid, size } = await putBlob(this.#platform.bucket, key, body, {
        ...options,
        httpMetadata: { contentType: mimeType },
      })
      if (expect && !expect.equals(cid))
        throw error('InvalidRequest', `the bytes sent are not those of ${expect}`)
      fault('blob.afterPut')
      return await this.#adopt(key, { cid: cid.toString(), size, mimeType })
    } catch (cause) {
      await this.#deleteLoose([key]).catch(() => {})
      throw cause
    }
  }

  /** Makes the object the blob of its CID, or lets go of it where an intact one is there already. */
  async #adopt(key: string, meta: BlobMeta): Promise<BlobMeta> {
    const { bucket } = this.#platform
    const known = this.row(meta.cid)
    const object = known && (await bucket.head(known.key))
    const intact = known && object?.size === known.size ? known.key : undefined
    const result = this.#sql.transaction(() => {
      const now = this.#platform.now()
      const row = this.row(meta.cid)
      const keep = row !== undefined && row.key === intact
      const mimeType = row && this.isReferenced(meta.cid) ? row.mime : meta.mimeType
      this.#sql.run(
        `INSERT INTO blob (cid, key, size, mime, created_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (cid) DO UPDATE SET key = excluded.key, mime = excluded.mime, created_at = excluded.created_at`,
        meta.cid,
        keep ? row.key : key,
        meta.size,
        mimeType,
        now,
      )
      if (!keep) this.#sql.run('DELETE FROM blob_loose WHERE key = ?', key)
      const unused = keep ? key : row?.key
      if (unused !== undefined) this.#loose(unused, now)
      fault('blob.afterRow')
      return { result: { ...meta, mimeType }, unused }
    })
    if (result.unused !== undefined) await this.#deleteLoose([result.unused]).catch(() => {})
    return result.result
  }

  #loose(key: string, deleteAfter: number): void {
    this.#sql.run(
      `INSERT INTO blob_loose (key, delete_after) VALUES (?, ?)
       ON CONFLICT (key) DO UPDATE SET delete_after = excluded.delete_after`,
      key,
      deleteAfter,
    )
  }

  async #deleteLoose(keys: string[]): Promise<void> {
    // Not one that a blob row has taken meanwhile.
    const loose = keys.filter((key) => this.#sql.first('SELECT 1 AS yes FROM blob_loose WHERE key = ?', key))
    if (loose.length === 0) return
    await this.#platform.bucket.delete(loose)
    for (const key of loose) this.#sql.run('DELETE FROM blob_loose WHERE key = ?', key)
  }

  /** A blob or a part of it. */
  async get(cid: string, options: { range?: R2Range } = {}): Promise<BlobRead | undefined> {
    const row = this.row(cid)
    if (!row) return undefined
    const meta = { cid: row.cid, size: row.size, mimeType: row.mime }
    const object = await this.#platform.bucket.get(row.key, options.range ? { range: options.range } : {})
    if (!object) return undefined
    if (!options.range || !object.range) return { ...meta, body: object.body }
    const { offset, length, suffix } = {
      offset: undefined,
      length: undefined,
      suffix: undefined,
      ...object.range,
    }
    const start = suffix === undefined ? (offset ?? 0) : Math.max(0, row.size - suffix)
    return { ...meta, body: object.body, range: { offset: start, length: length ?? row.size - start } }
  }

  /** Deletes uploads that no record ever referred to, and what died uploads left; at most about `limit` objects. */
  async collect(limit = 100): Promise<{ deleted: number; more: boolean }> {
    const now = this.#platform.now()
    this.#sql.transaction(() => {
      const rows = this.#sql.all<BlobRow>(
        `SELECT cid, key, size, mime FROM blob b WHERE created_at < ?
         AND NOT EXISTS (SELECT 1 FROM blob_ref r WHERE r.cid = b.cid) LIMIT ?`,
        now - UNREFERENCED_KEPT,
        limit,
      )
      for (const row of rows) {
        this.#loose(row.key, now)
        this.#sql.run('DELETE FROM blob WHERE cid = ?', row.cid)
      }
    })
    const loose = this.#sql.all<{ key: string }>(
      'SELECT key FROM blob_loose WHERE delete_after <= ? LIMIT ?',
      now,
      limit,
    )
    await this.#deleteLoose(loose.map((row) => row.key))
    return { deleted: loose.length, more: loose.length === limit }
  }
}
