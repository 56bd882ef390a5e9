import type { Platform } from '../../platform.ts'
import type { Sql } from '../db/sql.ts'

/** Erases what a deleted account has left, in bounded steps of the alarm. */
export interface Eraser {
  /** Erases some of it. `more`: there is more. */
  step(): { more: boolean }
  /** Whether nothing is left, in the bucket neither. */
  isDone(): boolean
}

/** The tables of repository and blobs, with their keys. A row of `part` has a megabyte, the others far less. */
const TABLES: readonly { table: string; key: string; limit: number }[] = [
  { table: 'loose', key: 'n', limit: 200 },
  { table: 'part', key: 'n', limit: 20 },
  { table: 'bucket', key: 'pack, n', limit: 200 },
  { table: 'pack', key: 'id', limit: 20 },
  { table: 'repeated', key: 'cid', limit: 500 },
  { table: 'staged', key: 'n', limit: 20 },
  { table: 'pull', key: 'id', limit: 1 },
  { table: 'pull_part', key: 'n', limit: 20 },
  { table: 'trail', key: 'id', limit: 200 },
  { table: 'blob_ref', key: 'cid, path', limit: 500 },
]
const BLOB_LIMIT = 500
/** The events that have content. Those that say what became of the account stay until they are old. */
const EVENT_LIMIT = 200
const CONTENT_EVENTS = `type NOT IN ('account', 'identity')`

export interface EraserDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  /** Whether the bucket is known to have no backup: `maintenance` deletes those. */
  hasNoBackup(): boolean
}

export const createEraser = ({ sql, platform, hasNoBackup }: EraserDeps): Eraser => {
  const isEmpty = (from: string): boolean => sql.first(`SELECT 1 AS yes FROM ${from} LIMIT 1`) === undefined

  const eraseRows = (): boolean => {
    let more = false
    for (const { table, key, limit } of TABLES) {
      sql.run(`DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} LIMIT ?)`, limit)
      more ||= !isEmpty(table)
    }
    sql.run(
      `DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE ${CONTENT_EVENTS} LIMIT ?)`,
      EVENT_LIMIT,
    )
    return more || !isEmpty(`event WHERE ${CONTENT_EVENTS}`)
  }

  /** The objects of blobs become orphans that are due: `blobs.collect` deletes them. */
  const orphanBlobs = (): boolean => {
    const keys = sql.all<{ key: string }>(
      'DELETE FROM blob WHERE cid IN (SELECT cid FROM blob LIMIT ?) RETURNING key',
      BLOB_LIMIT,
    )
    const now = platform.now()
    for (const { key } of keys)
      sql.run(
        `INSERT INTO blob_loose (key, delete_after) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET delete_after = ?2`,
        key,
        now,
      )
    return !isEmpty('blob')
  }

  return {
    step: () => ({ more: sql.transaction(() => [eraseRows(), orphanBlobs()].includes(true)) }),
    isDone: () =>
      hasNoBackup() &&
      ['blob', 'blob_loose', `event WHERE ${CONTENT_EVENTS}`, ...TABLES.map(({ table }) => table)].every(
        isEmpty,
      ),
  }
}
