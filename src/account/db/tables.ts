/**
 * The tables of a new object, as schema version 5 has them. What a later version changes is a migration: see schema.ts.
 * Rows written are what is billed, indexes included: docs/storage.md has the choice and its figures.
 */
export const TABLES: readonly string[] = [
  // One row. `root`, `data` and `rev` are the head of the repository, `blocks` and `records` its counts, kept here
  // because counting reads every row. `seq` is a floor under the event log's numbers (see accountRow.ts). `staging` is
  // the revision under which an import is being staged. `announced` is what the network was last told of the
  // identity, as JSON (see identity/identityWatch.ts).
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
    moved_at INTEGER,
    announced TEXT
  ) STRICT`,

  // One row per commit: the blocks that it added, in the form of a CAR, and the CIDs, 36 bytes each, of those that it
  // dropped. `bytes` is the last column, so that a scan of the others reads no overflow page.
  `CREATE TABLE loose (
    n INTEGER PRIMARY KEY,
    rev TEXT NOT NULL,
    at INTEGER NOT NULL,
    dropped BLOB NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT`,
  // A pack is the whole tree of a revision: the rows of `part` from `first` to `last`. It replaces the rows of
  // `loose` up to `loose`. The newest pack is the current one; those before it wait to be deleted.
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
  // Blocks of a pack in the order of an export, in the form of a CAR; and `made`, where in it the blocks of each
  // revision begin.
  `CREATE TABLE part (
    n INTEGER PRIMARY KEY,
    made BLOB NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT`,
  // Where the blocks of a pack are, some 256 in a row: see blocks/packs/packs.ts.
  `CREATE TABLE bucket (
    pack INTEGER NOT NULL,
    n INTEGER NOT NULL,
    entries BLOB NOT NULL,
    PRIMARY KEY (pack, n)
  ) STRICT, WITHOUT ROWID`,
  // Records that several paths of the tree hold, and how many paths; there are hardly ever any. A record that only
  // one path holds now, and several until a moment ago, stays for the exports of that time.
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
  // What was removed with the revisions after `begins`, up to `ends`. The rows of `loose` up to there, those up to
  // `n`, may be deleted. See blocks/history/removalLog.ts.
  `CREATE TABLE trail (
    id INTEGER PRIMARY KEY,
    n INTEGER NOT NULL,
    begins TEXT NOT NULL,
    ends TEXT NOT NULL,
    gone BLOB NOT NULL
  ) STRICT`,
  // A new object knows everything that is removed, from the beginning.
  `INSERT INTO trail (n, begins, ends, gone) VALUES (0, '', '', x'')`,

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
  // Orphan objects: those in the bucket that belong to no blob row. An upload is under way, or one is to be deleted.
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
  // When each relay was last asked to crawl, and the last event of that time.
  `CREATE TABLE crawl (
    relay TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    retry_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE journal (
    n INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    detail TEXT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT`,
  // One row per sign-in. `current` is its latest refresh token, `previous` the one that it replaced, at `replaced_at`:
  // see auth/refreshChain.ts.
  `CREATE TABLE session (
    id TEXT PRIMARY KEY,
    current TEXT NOT NULL,
    previous TEXT,
    replaced_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  // Each operation that was signed, by the token that asked for it (`void:<prev>` for those that void another), with
  // the bytes that were given out. Never deleted: a signature does not expire.
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
]
