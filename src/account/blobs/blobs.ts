import type { Cid } from '@atproto/lex-data'
import { fault } from '../../fault.ts'
import type { Platform } from '../../platform.ts'
import { error } from '../../xrpc/errors.ts'
import { chunksOf } from '../../streams/chunks.ts'
import { peek } from '../../streams/peek.ts'
import { putBlob } from './putBlob.ts'
import { blobType, HEAD_BYTES, isGenericType } from './blobType.ts'
import { type BlobIndex, type BlobMeta, createBlobIndex } from './blobIndex.ts'
import { createOrphanObjects } from './orphanObjects.ts'
import { readRetention } from '../db/retention.ts'
import type { Sql } from '../db/sql.ts'

export type { BlobMeta } from './blobIndex.ts'

/**
 * The account's blobs: the bucket's objects, and what SQL knows of them. A CID is known only after the last byte has
 * arrived, and R2 cannot rename an object: so its key is the DID and 128 random bits, and SQL knows which CID it has.
 */
export interface Blobs extends BlobIndex {
  /**
   * Stores a blob from a stream. `mimeType` is what the sender calls it: see `blobType`. `length` is what the sender declared, `limit` the most that is accepted (both in bytes);
   * with `expect`, only the blob with that CID is stored. `statedType` says what a record calls the blob: that is its type
   * where neither the sender nor the bytes say any.
   */
  upload(
    body: ReadableStream<Uint8Array>,
    options: {
      mimeType: string
      limit: number
      length?: number
      expect?: Cid
      statedType?: (cid: string) => string | undefined
    },
  ): Promise<BlobMeta>
  /** A blob or a range of it; undefined where it is not stored. */
  get(cid: string, options?: { range?: R2Range }): Promise<BlobWithBody | undefined>
  /**
   * Deletes blobs to which no record has referred for a day, and the objects of uploads that died; at most `limit` objects.
   * Nothing while the retention lock holds.
   * `more`: there may be more of them now.
   */
  collect(limit?: number): Promise<{ deleted: number; more: boolean }>
  /** Why the bucket cannot be read; undefined where it can. */
  bucketError(): Promise<string | undefined>
}

export interface BlobWithBody extends BlobMeta {
  body: ReadableStream<Uint8Array>
  /** Which range of the blob `body` is, where one was asked for. */
  range?: { offset: number; length: number }
}

export interface BlobsDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random' | 'bucket'>
  did: string
  /** How long the object of a blob stays in the bucket after the blob is gone: backups there refer to it. */
  keepObjectsMs?: number
}

/** How long a blob that no record refers to is kept; the specification asks for an hour. */
const UNREFERENCED_RETENTION_MS = 24 * 3600_000
/** An upload that takes longer is given up for dead: its object, which has no row, may be deleted. */
const UPLOAD_LIMIT_MS = 24 * 3600_000

type Stored = { key: string; size: number; mime: string }

export const createBlobs = ({ sql, platform, did, keepObjectsMs = 0 }: BlobsDeps): Blobs => {
  const { bucket } = platform
  const index = createBlobIndex({ sql, did })
  const orphans = createOrphanObjects({ sql, bucket })

  const find = (cid: string): Stored | undefined =>
    sql.first<Stored>('SELECT key, size, mime FROM blob WHERE cid = ?', cid)

  /**
   * The type of a blob that is uploaded again. Once a record refers to it, its type stays, because it was compared with
   * what the record states; but a type that says nothing gives way to one that does.
   */
  const betterType = ({ cid, mimeType }: BlobMeta, known: string): string => {
    if (isGenericType(known)) return mimeType
    return isGenericType(mimeType) || index.isReferenced(cid) ? known : mimeType
  }

  /**
   * Makes a new object the blob of its CID. Where an intact object is stored already, that one stays. The object that is
   * not needed is deleted.
   */
  const adopt = async (key: string, meta: BlobMeta): Promise<BlobMeta> => {
    const known = find(meta.cid)
    const object = known && (await bucket.head(known.key))
    const intactKey = known && object?.size === known.size ? known.key : undefined
    const { adopted, unusedKey } = sql.transaction(() => {
      const now = platform.now()
      const row = find(meta.cid)
      const keepOld = row !== undefined && row.key === intactKey
      const mimeType = row ? betterType(meta, row.mime) : meta.mimeType
      sql.run(
        `INSERT INTO blob (cid, key, size, mime, created_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (cid) DO UPDATE SET key = excluded.key, mime = excluded.mime, created_at = excluded.created_at`,
        meta.cid,
        keepOld ? row.key : key,
        meta.size,
        mimeType,
        now,
      )
      if (!keepOld) orphans.noteAdopted(key)
      const unusedKey = keepOld ? key : row?.key
      if (unusedKey !== undefined) orphans.add(unusedKey, now)
      fault('blob.afterRow')
      return { adopted: { ...meta, mimeType }, unusedKey }
    })
    if (unusedKey !== undefined) await orphans.delete([unusedKey]).catch(() => {})
    return adopted
  }

  const upload: Blobs['upload'] = async (body, options) => {
    const { limit, length, expect, statedType } = options
    if (length !== undefined && length > limit) {
      await body.cancel()
      throw error('PayloadTooLarge', `the blob has ${length} bytes, at most ${limit} are taken`)
    }
    const key = `${did}/${Buffer.from(platform.random(16)).toString('hex')}`
    orphans.add(key, platform.now() + UPLOAD_LIMIT_MS)
    try {
      const { head, whole } = await peek(chunksOf(body), HEAD_BYTES)
      const sniffed = blobType(options.mimeType, head)
      const { cid, size } = await putBlob(bucket, key, whole, {
        ...options,
        httpMetadata: { contentType: sniffed },
      })
      if (expect && !expect.equals(cid))
        throw error('InvalidRequest', `the bytes sent are not those of ${expect}`)
      fault('blob.afterPut')
      const stated = isGenericType(sniffed) ? statedType?.(cid.toString()) : undefined
      return await adopt(key, { cid: cid.toString(), size, mimeType: stated ?? sniffed })
    } catch (cause) {
      await orphans.delete([key]).catch(() => {})
      throw cause
    }
  }

  const get: Blobs['get'] = async (cid, { range } = {}) => {
    const row = find(cid)
    if (!row) return undefined
    const meta = { cid, size: row.size, mimeType: row.mime }
    const object = await bucket.get(row.key, range ? { range } : {})
    if (!object) return undefined
    if (!range || !object.range) return { ...meta, body: object.body }
    const { offset, length, suffix }: { offset?: number; length?: number; suffix?: number } = object.range
    const start = suffix === undefined ? (offset ?? 0) : Math.max(0, row.size - suffix)
    return { ...meta, body: object.body, range: { offset: start, length: length ?? row.size - start } }
  }

  const collect = async (limit = 100): Promise<{ deleted: number; more: boolean }> => {
    if (readRetention({ sql, platform })) return { deleted: 0, more: false }
    const now = platform.now()
    sql.transaction(() => {
      const rows = sql.all<{ cid: string; key: string }>(
        `SELECT cid, key FROM blob b WHERE created_at < ?
         AND NOT EXISTS (SELECT 1 FROM blob_ref r WHERE r.cid = b.cid) LIMIT ?`,
        now - UNREFERENCED_RETENTION_MS,
        limit,
      )
      for (const row of rows) {
        orphans.add(row.key, now + keepObjectsMs)
        sql.run('DELETE FROM blob WHERE cid = ?', row.cid)
      }
    })
    const keys = orphans.due(now, limit)
    await orphans.delete(keys)
    return { deleted: keys.length, more: keys.length === limit }
  }

  const bucketError = async (): Promise<string | undefined> => {
    try {
      await bucket.head(`${did}/`)
      return undefined
    } catch (cause) {
      return cause instanceof Error ? cause.message : String(cause)
    }
  }

  return { ...index, upload, get, collect, bucketError }
}
