import type { Cid } from '@atproto/lex-data'
import { bytes, type Sql } from '../../src/account/db/sql.ts'
import { SectionReader } from '../../src/repo/car/sectionReader.ts'
import { CID_LENGTH } from '../../src/repo/cidBytes.ts'
import type { Head } from './stream.ts'

/**
 * A row for each block: A is the schema as it was until version 2, B does without `dropped` and the index of records.
 */
export class Rows {
  readonly #sql: Sql
  readonly #isA: boolean

  constructor(sql: Sql, isA: boolean) {
    this.#sql = sql
    this.#isA = isA
    const end = 'STRICT, WITHOUT ROWID'
    sql.run(`CREATE TABLE IF NOT EXISTS block (cid BLOB NOT NULL, made TEXT NOT NULL, ${isA ? 'dropped TEXT,' : ''}
      bytes BLOB NOT NULL, PRIMARY KEY (cid, made)) ${end}`)
    sql.run(`CREATE TABLE IF NOT EXISTS garbage (rev TEXT PRIMARY KEY, cids BLOB NOT NULL) ${end}`)
    if (!isA) return
    sql.run(
      `CREATE TABLE IF NOT EXISTS record (path TEXT PRIMARY KEY, cid BLOB NOT NULL, rev TEXT NOT NULL) ${end}`,
    )
    sql.run('CREATE INDEX IF NOT EXISTS record_cid ON record (cid)')
  }

  load({ rev, paths = [] }: Head, sections: Uint8Array): void {
    let n = 0
    for (const section = new SectionReader(sections); section.next();) {
      const { start, cidAt, blockAt } = section
      this.#insert(section, rev)
      // The commit comes first; a node is a map that begins with `e`.
      const isRecord = start > 0 && !(sections[blockAt] === 0xa2 && sections[blockAt + 2] === 0x65)
      if (this.#isA && isRecord) this.#put(paths[n++] ?? '', sections.slice(cidAt, blockAt), rev)
    }
  }

  commit({ rev, ops = [], dropped = [] }: Head, sections: Uint8Array): void {
    const [sql, isA] = [this.#sql, this.#isA]
    for (const section = new SectionReader(sections); section.next();) {
      const cid = sections.subarray(section.cidAt, section.blockAt)
      const isHere = isA && sql.first('SELECT 1 AS yes FROM block WHERE cid = ? AND dropped IS NULL', cid)
      if (!isHere) this.#insert(section, rev)
    }
    for (const [path, cid, prev] of isA ? ops : []) {
      if (cid) this.#put(path, Buffer.from(cid, 'hex'), rev)
      else sql.run('DELETE FROM record WHERE path = ?', path)
      if (prev) sql.first('SELECT 1 AS yes FROM record WHERE cid = ? LIMIT 1', Buffer.from(prev, 'hex'))
    }
    const cids = dropped.map((cid) => Buffer.from(cid, 'hex'))
    for (const cid of isA ? cids : [])
      sql.run('UPDATE block SET dropped = ?1 WHERE cid = ?2 AND dropped IS NULL AND made < ?1', rev, cid)
    sql.run('INSERT INTO garbage (rev, cids) VALUES (?, ?)', rev, Buffer.concat(cids))
  }

  /** What the alarm does an hour later. */
  collect(): void {
    const sql = this.#sql
    for (const { rev, cids } of sql.all<{ rev: string; cids: ArrayBuffer }>('SELECT rev, cids FROM garbage'))
      sql.transaction(() => {
        for (let at = 0; at < cids.byteLength; at += CID_LENGTH)
          sql.run('DELETE FROM block WHERE cid = ? AND made < ?', cids.slice(at, at + CID_LENGTH), rev)
        sql.run('DELETE FROM garbage WHERE rev = ?', rev)
      })
  }

  /** All blocks in the order of storage. */
  scan(): void {
    const page = 'SELECT cid, bytes FROM block WHERE cid > ? ORDER BY cid LIMIT 1000'
    for (let after: ArrayBuffer | undefined = new ArrayBuffer(); after;)
      after = this.#sql.all<{ cid: ArrayBuffer; bytes: ArrayBuffer }>(page, after).at(-1)?.cid
  }

  read(cid: Cid): Uint8Array | undefined {
    return this.readCold(cid.bytes)
  }

  readCold(cid: Uint8Array): Uint8Array | undefined {
    const row = this.#sql.first<{ bytes: ArrayBuffer }>('SELECT bytes FROM block WHERE cid = ? LIMIT 1', cid)
    return row && bytes(row.bytes)
  }

  #insert({ bytes, cidAt, blockAt, content }: SectionReader, rev: string): void {
    const values = [bytes.subarray(cidAt, blockAt), rev, content]
    this.#sql.run('INSERT INTO block (cid, made, bytes) VALUES (?, ?, ?)', ...values)
  }

  #put(path: string, cid: Uint8Array, rev: string): void {
    const conflict = 'ON CONFLICT (path) DO UPDATE SET cid = excluded.cid, rev = excluded.rev'
    this.#sql.run(`INSERT INTO record (path, cid, rev) VALUES (?, ?, ?) ${conflict}`, path, cid, rev)
  }
}
