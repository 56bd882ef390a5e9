import type { Sql } from '../db/sql.ts'

export interface BlobMeta {
  cid: string
  size: number
  mimeType: string
}

/** What SQL knows of the account's blobs: which are stored, and which records refer to them. */
export interface BlobIndex {
  /** Size and type of a stored blob; undefined where it is not stored. */
  stat(cid: string): BlobMeta | undefined
  isReferenced(cid: string): boolean
  /** The path of a record that refers to the blob; undefined where none does. */
  referrer(cid: string): string | undefined
  /** Blobs that records refer to, stored or not. With `since`, only those first referred to after that revision. */
  listReferenced(options: { since?: string; cursor?: string; limit: number }): {
    cids: string[]
    cursor?: string
  }
  /** Blobs that records refer to and that are stored. */
  listStored(options: { cursor?: string; limit: number }): { blobs: BlobMeta[]; cursor?: string }
  /** Every blob that is stored, referred to or not, with the key of its object. */
  listObjects(options: { cursor?: string; limit: number }): (BlobMeta & { key: string })[]
  /** Blobs that records refer to and that are not stored, each with one of those records. */
  listMissing(options: { cursor?: string; limit: number }): {
    blobs: { cid: string; recordUri: string }[]
    cursor?: string
  }
  /** `expected`: how many blobs records refer to. `stored`: how many of those are stored, and their `bytes`. */
  counts(): { expected: number; stored: number; bytes: number }
  /** The largest blob that records refer to and that is stored; undefined where there is none. */
  largest(): BlobMeta | undefined
  /** All references in order, in pages by key: rows may be written and deleted meanwhile. */
  references(): Generator<{ cid: string; path: string }, undefined, void>
  /** Notes that a record refers to a blob since `rev`. A reference that it had already keeps its revision. */
  addReference(path: string, cid: string, rev: string): void
  /** Notes that a record no longer refers to a blob. If it was the last one, the blob is kept as long as a new upload. */
  removeReference(path: string, cid: string, now: number): void
}

export interface BlobIndexDeps {
  sql: Sql
  did: string
}

type Reference = { cid: string; path: string }
type StoredRow = { cid: string; size: number; mime: string }

const metaOf = ({ cid, size, mime }: StoredRow): BlobMeta => ({ cid, size, mimeType: mime })

export const createBlobIndex = ({ sql, did }: BlobIndexDeps): BlobIndex => {
  const referrer = (cid: string): string | undefined =>
    sql.first<{ path: string }>('SELECT path FROM blob_ref WHERE cid = ? LIMIT 1', cid)?.path
  const isReferenced = (cid: string): boolean => referrer(cid) !== undefined

  return {
    stat: (cid) => {
      const row = sql.first<StoredRow>('SELECT cid, size, mime FROM blob WHERE cid = ?', cid)
      return row && metaOf(row)
    },
    isReferenced,
    referrer,
    listReferenced: ({ since = '', cursor = '', limit }) => {
      const rows = sql.all<{ cid: string }>(
        'SELECT cid FROM blob_ref WHERE cid > ? GROUP BY cid HAVING min(rev) > ? ORDER BY cid LIMIT ?',
        cursor,
        since,
        limit + 1,
      )
      const { items, ...next } = page(rows, limit)
      return { cids: items.map(({ cid }) => cid), ...next }
    },
    listStored: ({ cursor = '', limit }) => {
      const rows = sql.all<StoredRow>(
        `SELECT cid, size, mime FROM blob b
         WHERE cid > ? AND EXISTS (SELECT 1 FROM blob_ref r WHERE r.cid = b.cid) ORDER BY cid LIMIT ?`,
        cursor,
        limit + 1,
      )
      const { items, ...next } = page(rows, limit)
      return { blobs: items.map(metaOf), ...next }
    },
    listObjects: ({ cursor = '', limit }) =>
      sql
        .all<StoredRow & { key: string }>(
          'SELECT cid, size, mime, key FROM blob WHERE cid > ? ORDER BY cid LIMIT ?',
          cursor,
          limit,
        )
        .map((row) => ({ ...metaOf(row), key: row.key })),
    listMissing: ({ cursor = '', limit }) => {
      const rows = sql.all<Reference>(
        `SELECT cid, min(path) AS path FROM blob_ref r
         WHERE cid > ? AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.cid = r.cid)
         GROUP BY cid ORDER BY cid LIMIT ?`,
        cursor,
        limit + 1,
      )
      const { items, ...next } = page(rows, limit)
      return { blobs: items.map(({ cid, path }) => ({ cid, recordUri: `at://${did}/${path}` })), ...next }
    },
    counts: () => {
      const row = sql.first<{ expected: number; stored: number; bytes: number }>(
        `SELECT count(*) AS expected, count(b.cid) AS stored, coalesce(sum(b.size), 0) AS bytes
         FROM (SELECT DISTINCT cid FROM blob_ref) r LEFT JOIN blob b ON b.cid = r.cid`,
      )
      return row ?? { expected: 0, stored: 0, bytes: 0 }
    },
    largest: () => {
      const row = sql.first<StoredRow>(
        `SELECT cid, size, mime FROM blob b WHERE EXISTS (SELECT 1 FROM blob_ref r WHERE r.cid = b.cid)
         ORDER BY size DESC LIMIT 1`,
      )
      return row && metaOf(row)
    },
    references: function* () {
      for (let after: Reference = { cid: '', path: '' }; ;) {
        const rows = sql.all<Reference>(
          'SELECT cid, path FROM blob_ref WHERE (cid, path) > (?, ?) ORDER BY cid, path LIMIT 1000',
          after.cid,
          after.path,
        )
        yield* rows
        const last = rows.at(-1)
        if (!last) return undefined
        after = last
      }
    },
    addReference: (path, cid, rev) => {
      sql.run('INSERT INTO blob_ref (cid, path, rev) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', cid, path, rev)
    },
    removeReference: (path, cid, now) => {
      sql.run('DELETE FROM blob_ref WHERE cid = ? AND path = ?', cid, path)
      if (!isReferenced(cid)) sql.run('UPDATE blob SET created_at = ? WHERE cid = ?', now, cid)
    },
  }
}

/** One row more than a page was read: there is a cursor only where more rows follow. */
const page = <Row extends { cid: string }>(
  rows: readonly Row[],
  limit: number,
): { items: Row[]; cursor?: string } => {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return rows.length > limit && last ? { items, cursor: last.cid } : { items }
}
