import type { Sql } from '../db/sql.ts'

/**
 * Objects in the bucket that belong to no blob row (the table `blob_loose`). Each object is noted here before it is made
 * and before it is deleted, so that whenever the process dies, no object is left without a row that knows of it.
 */
export interface OrphanObjects {
  /** Notes an object, to be deleted after this time (milliseconds). */
  add(key: string, deleteAfter: number): void
  /** Notes that a blob row has the object now: it is no longer an orphan. */
  noteAdopted(key: string): void
  /** Deletes those of these objects that are still orphans. */
  delete(keys: readonly string[]): Promise<void>
  /** Keys of objects that are to be deleted by now. */
  due(now: number, limit: number): string[]
}

export interface OrphanObjectsDeps {
  sql: Sql
  bucket: Pick<R2Bucket, 'delete'>
}

export const createOrphanObjects = ({ sql, bucket }: OrphanObjectsDeps): OrphanObjects => {
  const remove = (key: string): void => void sql.run('DELETE FROM blob_loose WHERE key = ?', key)
  const has = (key: string): boolean =>
    sql.first('SELECT 1 AS yes FROM blob_loose WHERE key = ?', key) !== undefined

  return {
    add: (key, deleteAfter) => {
      sql.run(
        `INSERT INTO blob_loose (key, delete_after) VALUES (?, ?)
         ON CONFLICT (key) DO UPDATE SET delete_after = excluded.delete_after`,
        key,
        deleteAfter,
      )
    },
    noteAdopted: remove,
    delete: async (keys) => {
      // A blob row may have adopted an object meanwhile: that one stays.
      const orphans = keys.filter(has)
      if (orphans.length === 0) return
      await bucket.delete(orphans)
      for (const key of orphans) remove(key)
    },
    due: (now, limit) =>
      sql
        .all<{ key: string }>('SELECT key FROM blob_loose WHERE delete_after <= ? LIMIT ?', now, limit)
        .map(({ key }) => key),
  }
}
