import { beginTrail } from '../blocks/beginTrail.ts'
import { looseFromRows } from '../blocks/fromRows.ts'
import { openAccountRow, readDid } from './accountRow.ts'
import type { Sql } from './sql.ts'

type Step = string | ((sql: Sql) => void)

/**
 * The object's tables. A migration, once released, is never edited: add another.
 * Rows written are what is billed, indexes included: docs/storage.md has the choice and its figures.
 */
export const MIGRATIONS: readonly (readonly Step[])[] = [
  [
    // One row. `root`, `data` and `rev` are the head of the repository, `blocks` and `records` its
    // counts, kept here because counting reads every row. `seq` is a floor under the event log's
    // numbers (see sequencer.ts). `staging` is the revision under which an import is being staged.
    `CREATE TABLE account (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      did TEXT NOT NULL,
      state TEXT NOT NULL DEFAULT 'new',
      root BLOB,
      data BLOB,
      rev TEXT,
      blocks INTEGER NOT NULL DEFAULT 0,
      records INTEGER NOT NULL DEFAULT 0,
      seq INTEGER NOT NULL,
      staging TEXT,
      created_at INTEGER NOT NULL,
      activated_at INTEGER,
      deactivated_at INTEGER,
      delete_after TEXT,
      tokens_not_before INTEGER NOT NULL DEFAULT 0,
      moved_to TEXT,
      moved_at INTEGER
    ) STRICT`,
    // A row says: this block belonged to every tree from revision `made` until before `dropped`.
    // A block that is dropped and comes back is a new row. `bytes` stands last, so that a scan of
    // the other columns never touches overflow pages.
    `CREATE TABLE block (
      cid BLOB NOT NULL,
      made TEXT NOT NULL,
      dropped TEXT,
      bytes BLOB NOT NULL,
      PRIMARY KEY (cid, made)
    ) STRICT, WITHOUT ROWID`,
    // What each revision dropped: packed CIDs of 36 bytes. One row per commit, where an index on
    // `dropped` would cost one per block, twice.
    `CREATE TABLE garbage (
      rev TEXT NOT NULL,
      part INTEGER NOT NULL,
      at INTEGER NOT NULL,
      cids BLOB NOT NULL,
      PRIMARY KEY (rev, part)
    ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE record (
      path TEXT PRIMARY KEY,
      cid BLOB NOT NULL,
      rev TEXT NOT NULL
    ) STRICT, WITHOUT ROWID`,
    // Two paths may hold the same record: a block is dropped with the last of them.
    `CREATE INDEX record_cid ON record (cid)`,
    `CREATE TABLE blob (
      cid TEXT PRIMARY KEY,
      key TEXT NOT NULL,
      size INTEGER NOT NULL,
      mime TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    // `rev`: the revision in which this record first referred to the blob.
    `CREATE TABLE blob_ref (
      cid TEXT NOT NULL,
      path TEXT NOT NULL,
      rev TEXT NOT NULL,
      PRIMARY KEY (cid, path)
    ) STRICT, WITHOUT ROWID`,
    // Objects in the bucket that belong to no blob row: an upload under way, or one to be deleted.
    `CREATE TABLE blob_loose (
      key TEXT PRIMARY KEY,
      delete_after INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE event (
      seq INTEGER PRIMARY KEY,
      type TEXT NOT NULL,
      rev TEXT,
      time INTEGER NOT NULL,
      body BLOB NOT NULL
    ) STRICT`,
    `CREATE TABLE journal (
      n INTEGER PRIMARY KEY,
      at INTEGER NOT NULL,
      event TEXT NOT NULL,
      detail TEXT NOT NULL,
      prev TEXT NOT NULL,
      hash TEXT NOT NULL
    ) STRICT`,
    // One row per sign-in. `current` is the only refresh token that is good; `previous` the one it
    // replaced, which for a short while brings the same answer again.
    `CREATE TABLE session (
      id TEXT PRIMARY KEY,
      current TEXT NOT NULL,
      previous TEXT,
      replaced_at INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    // Each operation that was signed, by the token that asked for it (`void:<prev>` for those that
    // void another), with the bytes that were given out. Never deleted: a signature does not expire.
    `CREATE TABLE plc_ledger (
      jti TEXT PRIMARY KEY,
      at INTEGER NOT NULL,
      request TEXT NOT NULL,
      operation TEXT NOT NULL,
      cid TEXT NOT NULL,
      prev TEXT NOT NULL
    ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE preference (
      n INTEGER PRIMARY KEY,
      type TEXT NOT NULL,
      value TEXT NOT NULL
    ) STRICT`,
    `CREATE TABLE rate (
      key TEXT PRIMARY KEY,
      window_start INTEGER NOT NULL,
      used INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
  ],
  [
    // What the network was last told of the identity, as JSON: see identityWatch.ts.
    `ALTER TABLE account ADD COLUMN announced TEXT`,
    // When each relay was last asked to crawl, and the last event of that time.
    `CREATE TABLE crawl (
      relay TEXT PRIMARY KEY,
      seq INTEGER NOT NULL,
      asked_at INTEGER NOT NULL,
      failures INTEGER NOT NULL,
      retry_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
  ],
  [
    // One row a commit: the blocks that it added, in the form of a CAR, and the CIDs, 36 bytes each, of
    // those that it dropped. `bytes` stands last, so that a scan of the others touches no overflow page.
    `CREATE TABLE loose (
      n INTEGER PRIMARY KEY,
      rev TEXT NOT NULL,
      at INTEGER NOT NULL,
      dropped BLOB NOT NULL,
      bytes BLOB NOT NULL
    ) STRICT`,
    // A pack is the whole tree of a revision: the parts from `first` to `last`. It stands in for the
    // loose rows up to `loose`. The newest is the current one, those before it wait to be deleted.
    `CREATE TABLE pack (
      id INTEGER PRIMARY KEY,
      rev TEXT NOT NULL,
      first INTEGER NOT NULL,
      last INTEGER NOT NULL,
      loose INTEGER NOT NULL,
      seed INTEGER NOT NULL,
      buckets INTEGER NOT NULL,
      blocks INTEGER NOT NULL,
      at INTEGER NOT NULL
    ) STRICT`,
    // Blocks of a pack in the order of an export, in the form of a CAR, and from where on which revision made them.
    `CREATE TABLE part (
      n INTEGER PRIMARY KEY,
      made BLOB NOT NULL,
      bytes BLOB NOT NULL
    ) STRICT`,
    // Where the blocks of a pack are, some 256 to a row: see store/packs.ts.
    `CREATE TABLE bucket (
      pack INTEGER NOT NULL,
      n INTEGER NOT NULL,
      entries BLOB NOT NULL,
      PRIMARY KEY (pack, n)
    ) STRICT, WITHOUT ROWID`,
    // Records that several paths of the tree hold, and how many; there are hardly ever any. One that was such a
    // record until a moment ago stays, for the exports of that time.
    `CREATE TABLE repeated (
      cid BLOB PRIMARY KEY,
      paths INTEGER NOT NULL,
      until INTEGER
    ) STRICT, WITHOUT ROWID`,
    // What an import has received and not yet verified, as it came.
    `CREATE TABLE staged (
      n INTEGER PRIMARY KEY,
      bytes BLOB NOT NULL
    ) STRICT`,
    looseFromRows,
    'DROP TABLE block',
    'DROP TABLE garbage',
    'DROP TABLE record',
  ],
  [
    // What went with the revisions after `begins`, up to `ends`; the loose rows up to there, those up to `n`, may be
    // gone. See store/trail.ts.
    `CREATE TABLE trail (
      id INTEGER PRIMARY KEY,
      n INTEGER NOT NULL,
      begins TEXT NOT NULL,
      ends TEXT NOT NULL,
      gone BLOB NOT NULL
    ) STRICT`,
    beginTrail,
  ],
]

/** Brings the tables up to date, all steps or none, and opens the account's row. */
export const migrate = (sql: Sql, did: string, now: number): void => {
  sql.transaction(() => {
    sql.run(
      'CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT',
    )
    const done = sql.first<{ version: number }>(
      'SELECT coalesce(max(version), 0) AS version FROM schema_version',
    )
    const version = done?.version ?? 0
    if (version > MIGRATIONS.length) {
      throw new Error(`the storage has schema version ${version}, this program knows ${MIGRATIONS.length}`)
    }
    MIGRATIONS.forEach((statements, index) => {
      if (index < version) return
      for (const step of statements) {
        if (typeof step === 'string') sql.run(step)
        else step(sql)
      }
      sql.run('INSERT INTO schema_version (version, at) VALUES (?, ?)', index + 1, now)
    })
    openAccountRow(sql, did, now)
  })
  const stored = readDid(sql)
  if (stored !== did) throw new Error(`this object holds ${stored}, not ${did}`)
}
