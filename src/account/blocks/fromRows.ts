import { decodeCid } from '@atproto/lex-data'
import { carSection } from '../../repo/writeCar.ts'
import { CID_LENGTH } from '../../repo/cborReader.ts'
import { bytes, type Sql } from '../db/sql.ts'

// Keys sorted at a time. An index would do it at once, and be a row written for every block.
const PAGE = 50_000
// As an import's (staging.ts): within a revision the blocks stand in no order that anybody reads them in.
const ROW = 16 * 1024

const NOTHING = new Uint8Array(0)

/**
 * Schema version 2 had a row for each block (with the revisions that made and dropped it) and an index of the
 * records by path. Each revision's blocks become one loose row, or a few; the index is the tree itself.
 */
export const looseFromRows = (sql: Sql): void => {
  // Of an import that did not end, whether or not the head has gone past it since.
  sql.run('DELETE FROM block WHERE made = (SELECT staging FROM account)')
  sql.run('UPDATE account SET staging = NULL')
  sql.run(
    'INSERT INTO repeated (cid, paths) SELECT cid, count(*) FROM record GROUP BY cid HAVING count(*) > 1',
  )
  let n = 0
  let rev = ''
  let sections: Uint8Array[] = []
  let size = 0
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
  const put = (): void => {
    if (sections.length > 0) add(rev, 0, NOTHING, new Uint8Array(Buffer.concat(sections)))
    sections = []
    size = 0
  }
  // A revision's garbage goes before its blocks: one that came back with it was dropped before.
  const dropBefore = (made: string): void => {
    type Garbage = { rev: string; at: number; cids: ArrayBuffer }
    for (const row of sql.all<Garbage>(
      'SELECT rev, at, cids FROM garbage WHERE rev > ? AND rev <= ? ORDER BY rev, part',
      rev,
      made,
    ))
      add(row.rev, row.at, bytes(row.cids), NOTHING)
  }
  for (const { cid, made } of keys(sql)) {
    const row = sql.first<{ bytes: ArrayBuffer }>(
      'SELECT bytes FROM block WHERE cid = ? AND made = ?',
      cid,
      made,
    )
    if (!row) throw new Error(`a block of revision ${made} is gone`)
    const section = carSection(decodeCid(bytes(cid).subarray(0, CID_LENGTH)), bytes(row.bytes))
    if (made !== rev || size + section.length > ROW) put()
    if (made !== rev) dropBefore(made)
    rev = made
    sections.push(section)
    size += section.length
  }
  put()
  dropBefore('~')
}

type Key = { cid: ArrayBuffer; made: string }

/** The blocks by the revision that made them. Their bytes may be 2 MB each, and are read one by one. */
function* keys(sql: Sql): Generator<Key, void, void> {
  for (let after: Key = { cid: new ArrayBuffer(0), made: '' }; ;) {
    const page = sql.all<Key>(
      `SELECT cid, made FROM block WHERE (made, cid) > (?, ?) ORDER BY made, cid LIMIT ${PAGE}`,
      after.made,
      after.cid,
    )
    yield* page
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last
  }
}
