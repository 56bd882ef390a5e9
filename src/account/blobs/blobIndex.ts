import type { Sql } from '../db/sql.ts'

export interface BlobMeta {
  cid: string
  size: number
  mimeType: string
}

export interface BlobRow {
  cid: string
  key: string
  size: number
  mime: string
  [column: string]: string | number
}

/** What SQL knows of the account's blobs: which there are, and which records refer to them. */
export class BlobIndex {
  readonly #sql: Sql
  readonly #did: string

  constructor(sql: Sql, did: string) {
    this.#sql = sql
    this.#did = did
  }

  protected row(cid: string): BlobRow | undefined {
    return this.#sql.first<BlobRow>('SELECT cid, key, size, mime FROM blob WHERE cid = ?', cid)
  }

  stat(cid: string): BlobMeta | undefined {
    const row = this.row(cid)
    return row && { cid: row.cid, size: row.size, mimeType: row.mime }
  }

  isReferenced(cid: string): boolean {
    return this.#sql.first('SELECT 1 AS yes FROM blob_ref WHERE cid = ? LIMIT 1', cid) !== undefined
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
    const rows = this.#sql.all<BlobRow>(
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

  /** A record no longer refers to a blob. If it was the last, the blob is kept as long as a new upload would be. */
  unrefer(path: string, cid: string, now: number): void {
    this.#sql.run('DELETE FROM blob_ref WHERE cid = ? AND path = ?', cid, path)
    if (!this.isReferenced(cid)) this.#sql.run('UPDATE blob SET created_at = ? WHERE cid = ?', now, cid)
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
