import { type Cid, decodeCid } from '@atproto/lex-data'
import { bytes, type Sql } from './sql.ts'

/** The latest commit of the repository. */
export interface Head {
  /** The commit. */
  root: Cid
  /** The root node of its tree. */
  data: Cid
  rev: string
}

/** The head as stored, or undefined while there is no repository. */
export const readHead = (sql: Sql): Head | undefined => {
  const row = sql.first<{ root: ArrayBuffer | null; data: ArrayBuffer | null; rev: string | null }>(
    'SELECT root, data, rev FROM account',
  )
  if (!row?.root || !row.data || !row.rev) return undefined
  return { root: decodeCid(bytes(row.root)), data: decodeCid(bytes(row.data)), rev: row.rev }
}

/** Moves the head and changes the counts, in one row. */
export const writeHead = (sql: Sql, head: Head, added: { blocks: number; records: number }): void => {
  sql.assertTransaction()
  sql.run(
    'UPDATE account SET root = ?, data = ?, rev = ?, blocks = blocks + ?, records = records + ?',
    head.root.bytes,
    head.data.bytes,
    head.rev,
    added.blocks,
    added.records,
  )
}

/** How many blocks and records the head's tree has. */
export const readCounts = (sql: Sql): { blocks: number; records: number } =>
  sql.first<{ blocks: number; records: number }>('SELECT blocks, records FROM account') ?? {
    blocks: 0,
    records: 0,
  }

/** The revision under which an import is being staged; undefined while there is none. */
export const readStaging = (sql: Sql): string | undefined =>
  sql.first<{ staging: string | null }>('SELECT staging FROM account')?.staging ?? undefined

export const setStaging = (sql: Sql, rev: string | undefined): void => {
  sql.run('UPDATE account SET staging = ?', rev ?? null)
}
