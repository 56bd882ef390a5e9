import type { Cid } from '@atproto/lex-data'
import { fault } from '../fault.ts'
import type { Platform } from '../platform.ts'
import { error } from '../xrpc/errors.ts'
import { putBlob } from './blobPut.ts'
import type { Sql } from './sql.ts'

export interface BlobMeta {
  cid: string
  size: number
  mimeType: string
}

export interface BlobRead extends BlobMeta {
  body: ReadableStream<Uint8Array>
  /** What part of the blob `body` is, where a part was asked for. */
  range?: { offset: number; length: number }
}

interface Row {
  cid: string
  key: string
  size: number
  mime: string
  [column: string]: string | number
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
export class Blobs {
  readonly #sql: Sql
  readonly #platform: Pick<Platform, 'now' | 'random' | 'bucket'>
  readonly #did: string

  constructor(sql: Sql, platform: Pick<Platform, 'now' | 'random' | 'bucket'>, did: string) {
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
    const known = this.#row(meta.cid)
    const object = known && (await bucket.head(known.key))
    const intact = known && object?.size === known.size ? known.key : undefined
    const result = this.#sql.transaction(() => {
      const now = this.#platform.now()
      const row = this.#row(meta.cid)
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

  #row(cid: string): Row | undefined {
    return this.#sql.first<Row>('SELECT cid, key, size, mime FROM blob WHERE cid = ?', cid)
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

  stat(cid: string): BlobMeta | undefined {
    const row = this.#row(cid)
    return row && { cid: row.cid, size: row.size, mimeType: row.mime }
  }

  isReferenced(cid: string): boolean {
    return this.#sql.first('SELECT 1 AS yes FROM blob_ref WHERE cid = ? LIMIT 1', cid) !== undefined
  }

  /** A blob or a part of it. */
  async get(cid: string, options: { range?: R2Range } = {}): Promise<BlobRead | undefined> {
    const row = this.#row(cid)
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

  /** Blobs that records refer to, those first referred to after `since` if given. */
  list(options: { since?: string; cursor?: string; limit: number }): { cids: string[]; cursor?: string } {
    const rows = this.#sql.all<{ cid: string }>(
      'SELECT cid FROM blob_ref WHERE cid > ? GROUP BY cid HAVING min(rev) > ? ORDER BY cid LIMIT ?',
      options.cursor ?? '',
      options.since ?? '',
      options.limit + 1,
    )
    return page(
      rows.map((row) => row.cid),
      options.limit,
      'cids',
      (cid) => cid,
    )
  }

  /** Blobs that records refer to and that are stored. */
  listStored(options: { cursor?: string; limit: number }): { blobs: BlobMeta[]; cursor?: string } {
    const rows = this.#sql.all<Row>(
      `SELECT cid, key, size, mime FROM blob b
       WHERE cid > ? AND EXISTS (SELECT 1 FROM blob_ref r WHERE r.cid = b.cid) ORDER BY cid LIMIT ?`,
      options.cursor ?? '',
      options.limit + 1,
    )
    const blobs = rows.map(({ cid, size, mime }) => ({ cid, size, mimeType: mime }))
    return page(blobs, options.limit, 'blobs', (blob) => blob.cid)
  }

  /** Blobs that records refer to and that are not stored, each with one of those records. */
  listMissing(options: { cursor?: string; limit: number }): {
    blobs: { cid: string; recordUri: string }[]
    cursor?: string
  } {
    const rows = this.#sql.all<{ cid: string; path: string }>(
      `SELECT cid, min(path) AS path FROM blob_ref r
       WHERE cid > ? AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.cid = r.cid)
       GROUP BY cid ORDER BY cid LIMIT ?`,
      options.cursor ?? '',
      options.limit + 1,
    )
    const blobs = rows.map(({ cid, path }) => ({ cid, recordUri: `at://${this.#did}/${path}` }))
    return page(blobs, options.limit, 'blobs', (blob) => blob.cid)
  }

  /** `expected`: distinct blobs that records refer to. `stored`: those of them that are here, and their bytes. */
  counts(): { expected: number; stored: number; bytes: number } {
    const row = this.#sql.first<{ expected: number; stored: number; bytes: number }>(
      `SELECT count(*) AS expected, count(b.cid) AS stored, coalesce(sum(b.size), 0) AS bytes
       FROM (SELECT DISTINCT cid FROM blob_ref) r LEFT JOIN blob b ON b.cid = r.cid`,
    )
    return row ?? { expected: 0, stored: 0, bytes: 0 }
  }

  /** All references in order, by keyset pages: rows may be written and deleted behind it. */
  *references(): Generator<{ cid: string; path: string }, undefined, void> {
    let after = { cid: '', path: '' }
    for (;;) {
      const rows = this.#sql.all<{ cid: string; path: string }>(
        'SELECT cid, path FROM blob_ref WHERE (cid, path) > (?, ?) ORDER BY cid, path LIMIT 1000',
        after.cid,
        after.path,
      )
      yield* rows
      const last = rows.at(-1)
      if (!last) return undefined
      after = last
    }
  }

  /** A record begins to refer to a blob. What it referred to before keeps its revision. */
  refer(path: string, cid: string, rev: string): void {
    this.#sql.run(
      'INSERT INTO blob_ref (cid, path, rev) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      cid,
      path,
      rev,
    )
  }

  /** A record no longer refers to a blob. */
  unrefer(path: string, cid: string): void {
    this.#sql.run('DELETE FROM blob_ref WHERE cid = ? AND path = ?', cid, path)
  }

  /** Deletes uploads that no record ever referred to, and what died uploads left; at most about `limit` objects. */
  async collect(limit = 100): Promise<{ deleted: number; more: boolean }> {
    const now = this.#platform.now()
    this.#sql.transaction(() => {
      const rows = this.#sql.all<Row>(
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

/** One item more than a page was read: that is how the end is known. */
const page = <K extends string, T>(
  items: T[],
  limit: number,
  name: K,
  cursorOf: (item: T) => string,
): { [key in K]: T[] } & { cursor?: string } => {
  const kept = items.slice(0, limit)
  const last = kept.at(-1)
  const cursor = items.length > limit && last !== undefined ? { cursor: cursorOf(last) } : {}
  return { [name]: kept, ...cursor } as { [key in K]: T[] } & { cursor?: string } // a computed key widens
}
