import { decodeCid } from '@atproto/lex-data'
import { carSection } from '../../repo/car-write.ts'
import { CID_LENGTH } from '../../repo/cursor.ts'
import { bytes, type Sql } from '../sql.ts'

type BlockRow = { cid: ArrayBuffer; made: string; bytes: ArrayBuffer }

const PAGE = 500
const ROW = 1_000_000

/**
 * Schema version 2 had a row for each block (with the revisions that made and dropped it) and an index of the
 * records by path. Each revision's blocks become one loose row, or a few; the index is the tree itself.
 */
export const looseFromRows = (sql: Sql): void => {
  sql.run('DELETE FROM block WHERE made > coalesce((SELECT rev FROM account), 0)')
  sql.run('UPDATE account SET staging = NULL')
  sql.run(
    'INSERT INTO repeated (cid, paths) SELECT cid, count(*) FROM record GROUP BY cid HAVING count(*) > 1',
  )
  sql.run('CREATE INDEX block_made ON block (made, cid)')
  let n = 0
  let rev = ''
  let sections: Uint8Array[] = []
  let size = 0
  const put = (): void => {
    if (sections.length > 0) add(rev, 0, new Uint8Array(0), new Uint8Array(Buffer.concat(sections)))
    sections = []
    size = 0
  }
  const add = (made: string, at: number, dropped: Uint8Array, row: Uint8Array): void => {
    sql.run(
      'INSERT INTO loose (n, rev, at, dropped, bytes) VALUES (?, ?, ?, ?, ?)',
      ++n,
      made,
      at,
      dropped,
      row,
    )
  }
  // A revision's garbage goes before its blocks: one that came back with it was dropped before.
  const dropBefore = (made: string): void => {
    type Garbage = { rev: string; at: number; cids: ArrayBuffer }
    for (const row of sql.all<Garbage>(
      'SELECT rev, at, cids FROM garbage WHERE rev > ? AND rev <= ? ORDER BY rev, part',
      rev,
      made,
    ))
      add(row.rev, row.at, bytes(row.cids), new Uint8Array(0))
  }
  for (let after: [string, Uint8Array] = ['', new Uint8Array(0)]; ;) {
    const rows = sql.all<BlockRow>(
      `SELECT cid, made, bytes FROM block WHERE (made, cid) > (?, ?) ORDER BY made, cid LIMIT ${PAGE}`,
      ...after,
    )
    for (const row of rows) {
      if (row.made !== rev || size >= ROW) put()
      if (row.made !== rev) dropBefore(row.made)
      rev = row.made
      const cid = bytes(row.cid)
      const section = carSection(decodeCid(cid.subarray(0, CID_LENGTH)), bytes(row.bytes))
      sections.push(section)
      size += section.length
    }
    const last = rows.at(-1)
    if (!last) break
    after = [last.made, bytes(last.cid)]
  }
  put()
  dropBefore('~')
  sql.run('DROP INDEX block_made')
}
