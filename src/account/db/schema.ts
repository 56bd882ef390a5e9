import { error } from '../../xrpc/errors.ts'
import { openAccountRow, readDid } from './accountRow.ts'
import type { Sql } from './sql.ts'
import { TABLES } from './tables.ts'

/** The steps from one schema version to the next: statements, and functions for what SQL alone cannot do. */
export type Migration = readonly (string | ((sql: Sql) => void))[]

/** The version of `TABLES`; versions 1 to 4 were never released. */
const FIRST_VERSION = 5

/** The steps from version 5 to 6, from 6 to 7 and so on. One that was released is never edited: add another. */
export const MIGRATIONS: readonly Migration[] = [
  // 6: how each session was opened, and by which client. Unknown for those that are there already.
  ['ALTER TABLE session ADD COLUMN via TEXT', 'ALTER TABLE session ADD COLUMN client TEXT'],
  // 7: the handle that was taken here, and the signing key that is in use (did:key). NULL: those of the configuration.
  ['ALTER TABLE account ADD COLUMN handle TEXT', 'ALTER TABLE account ADD COLUMN signing_key TEXT'],
  // 8: app passwords, which sessions each opened, and the refresh tokens before `previous` that are still accepted, as
  // JSON (see auth/refreshChain.ts).
  [
    `CREATE TABLE app_password (
      name TEXT PRIMARY KEY,
      hash TEXT NOT NULL,
      privileged INTEGER NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    'ALTER TABLE session ADD COLUMN app_password TEXT',
    'ALTER TABLE session ADD COLUMN older TEXT',
  ],
  // 9: until when writes are fenced off; when it was recorded that everything is at the PDS that the DID names, and when
  // the owner gave up what is kept of a move (see db/retention.ts); and the revision that every new one is above.
  [
    'ALTER TABLE account ADD COLUMN fenced_until INTEGER',
    'ALTER TABLE account ADD COLUMN verified_at INTEGER',
    'ALTER TABLE account ADD COLUMN released_at INTEGER',
    'ALTER TABLE account ADD COLUMN rev_floor TEXT',
  ],
  // 10: a repository that the object fetches by itself: how far it is, as JSON, and what was fetched (see
  // import/pull/pullState.ts).
  [
    'CREATE TABLE pull (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL) STRICT',
    'CREATE TABLE pull_part (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT',
  ],
  // 11: what did.json names in place of this server, as JSON, where it is served here (see lifecycle/updateDidWeb.ts).
  ['ALTER TABLE account ADD COLUMN elsewhere_did TEXT'],
  // 12: OAuth, passkeys and the owner's pages. Secrets are kept as their SHA-256, base64url: `id` of a request, of a
  // sign-in and of a link, `code` and `refresh`. `detail` is JSON: see oauth/requests/ and oauth/grants/.
  [
    `CREATE TABLE oauth_request (
      id TEXT PRIMARY KEY,
      client_id TEXT NOT NULL,
      detail TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    `CREATE TABLE oauth_grant (
      id TEXT PRIMARY KEY,
      client_id TEXT NOT NULL,
      client_name TEXT,
      detail TEXT NOT NULL,
      scope TEXT NOT NULL,
      expanded TEXT NOT NULL,
      jkt TEXT,
      code TEXT,
      refresh TEXT,
      created_at INTEGER NOT NULL,
      last_used_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    // Permission sets that `include:` scopes name, as fetched with proof.
    `CREATE TABLE permission_set (
      nsid TEXT PRIMARY KEY,
      document TEXT NOT NULL,
      fetched_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    // The browsers in which the owner signed in to the pages.
    `CREATE TABLE browser_sign_in (
      id TEXT PRIMARY KEY,
      via TEXT NOT NULL,
      client TEXT,
      remembered INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    // `key` is the COSE key. `counter` is the authenticator's.
    `CREATE TABLE passkey (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      key BLOB NOT NULL,
      counter INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      last_used_at INTEGER
    ) STRICT, WITHOUT ROWID`,
    // Links that register one passkey each.
    `CREATE TABLE passkey_link (
      id TEXT PRIMARY KEY,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    // 1: the account password opens neither pages nor sessions.
    'ALTER TABLE account ADD COLUMN password_disabled INTEGER',
  ],
  // 13: the network that pushed a request, and whether the owner's browser has opened it (1). What is read of every row
  // stands before `detail`, which may be long.
  [
    'ALTER TABLE oauth_request RENAME TO oauth_request_12',
    `CREATE TABLE oauth_request (
      id TEXT PRIMARY KEY,
      client_id TEXT NOT NULL,
      network TEXT,
      opened INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      detail TEXT NOT NULL
    ) STRICT, WITHOUT ROWID`,
    `INSERT INTO oauth_request SELECT id, client_id, detail ->> 'network', 0, expires_at, detail FROM oauth_request_12`,
    'DROP TABLE oauth_request_12',
  ],
  // 14: whether a passkey may be on other devices too, as its latest use said it. NULL: it was not used since.
  ['ALTER TABLE passkey ADD COLUMN backup TEXT'],
]

/** The schema version that these migrations lead to. */
export const schemaVersion = (migrations = MIGRATIONS): number => FIRST_VERSION + migrations.length

/**
 * Makes the tables and the account's row in an empty storage, or migrates the tables that are there, all steps or
 * none. Storage that this program cannot migrate, or that belongs to another account, is refused before anything
 * is written.
 */
export const migrate = (sql: Sql, did: string, now: number, migrations = MIGRATIONS): void => {
  const latest = schemaVersion(migrations)
  const stored = readVersion(sql, latest)
  if (stored === latest) return requireDid(sql, did)
  if (stored !== undefined) requireDid(sql, did)
  sql.transaction(() => {
    if (stored === undefined) {
      sql.run('CREATE TABLE schema_version (version INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT')
      for (const statement of TABLES) sql.run(statement)
      storeVersion(sql, FIRST_VERSION, now)
      openAccountRow(sql, did, now)
    }
    const from = stored ?? FIRST_VERSION
    migrations.slice(from - FIRST_VERSION).forEach((steps, index) => {
      for (const step of steps) {
        if (typeof step === 'string') sql.run(step)
        else step(sql)
      }
      storeVersion(sql, from + index + 1, now)
    })
  })
}

const storeVersion = (sql: Sql, version: number, now: number): void => {
  sql.run('INSERT INTO schema_version (version, at) VALUES (?, ?)', version, now)
}

const requireDid = (sql: Sql, did: string): void => {
  const stored = readDid(sql)
  if (stored !== did) throw new Error(`this object holds ${stored}, not ${did}`)
}

/** The version of the tables in the storage, undefined where there are none. Any that cannot be migrated is refused. */
const readVersion = (sql: Sql, latest: number): number | undefined => {
  const tables = sql
    .all<{ name: string }>(
      // Not SQLite's own tables, nor the platform's.
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*'
       ORDER BY name`,
    )
    .map(({ name }) => name)
  if (tables.length === 0) return undefined
  if (!tables.includes('schema_version') || !tables.includes('account'))
    throw refused(`tables that are not Cirrus's (${tables.slice(0, 5).join(', ')})`, latest)
  const version = sql.first<{ version: number | null }>(
    'SELECT max(version) AS version FROM schema_version',
  )?.version
  if (version != null && version > latest) throw refused(`schema version ${version}`, latest, DEPLOY_ADVICE)
  if (version == null || version < FIRST_VERSION)
    throw refused(`schema version ${version ?? 'unknown'}`, latest)
  return version
}

/** The client gets this message, so it contains no value of the account. */
const refused = (found: string, latest: number, advice = EXPORT_ADVICE) => {
  const expected = latest === FIRST_VERSION ? `${latest}` : `${FIRST_VERSION} to ${latest}`
  return error(
    'InternalServerError',
    `The stored database has ${found}; this program takes schema version ${expected}. Nothing was changed. ${advice}`,
  )
}

const EXPORT_ADVICE =
  'Export the account with the program that made it (`pds export`), and import the folder into a new Worker ' +
  'of this program (`pds restore <folder>`).'
const DEPLOY_ADVICE =
  'A later version of Cirrus was deployed before: deploy that one again, or one after it ' +
  '(`npm update cirrus-pds`, then `npx wrangler deploy`).'
