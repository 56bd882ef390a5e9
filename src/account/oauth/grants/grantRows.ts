import type { Sql } from '../../db/sql.ts'
import type { ClientAuth } from '../clients/types.ts'
import type { Grant } from './types.ts'

/** What the owner approved: a code that the client has not exchanged yet, or a grant in use. */
export interface GrantRow extends Omit<Grant, 'jkt'> {
  auth: ClientAuth
  /** The key that the tokens are bound to; before the exchange, the one that the client named beforehand, if any. */
  jkt: string | undefined
  /** SHA-256 of the code, base64url. It stays after the exchange, so that a second use is noticed. */
  code: string
  /** SHA-256 of the one refresh token that is taken, base64url; undefined before the exchange. */
  refresh: string | undefined
  redirectUri: string
  codeChallenge: string
}

/** The rows of the table `oauth_grant`. */
export interface GrantRows {
  read(id: string): GrantRow | undefined
  /** Those that were exchanged and are not over, the one that was used last first. */
  list(now: number): GrantRow[]
  /** Whether a client has one that is not over. */
  hasClient(clientId: string, now: number): boolean
  insert(row: GrantRow): void
  /** Writes what an exchange and a refresh change. */
  update(row: GrantRow): void
  delete(id: string): void
  /** Returns how many of them were in use. */
  deleteAll(now: number): number
  /** Those that are over; a code that nobody exchanged is over with its time. */
  deleteExpired(now: number): void
  /** Makes room for another grant: of `MAX_GRANTS`, the one that was not used for the longest time is deleted. */
  makeRoom(): void
  /** Whether another grant that was made after this time (milliseconds) has the same code challenge. */
  hasChallenge(codeChallenge: string, exceptId: string, after: number): boolean
}

/** A program that signs in every few minutes and never signs out must not fill the table. */
const MAX_GRANTS = 1000

type Stored = {
  id: string
  client_id: string
  client_name: string | null
  detail: string
  scope: string
  expanded: string
  jkt: string | null
  code: string | null
  refresh: string | null
  created_at: number
  last_used_at: number
  expires_at: number
}

type Detail = Pick<GrantRow, 'auth' | 'redirectUri' | 'codeChallenge'>

const rowOf = (stored: Stored): GrantRow => ({
  id: stored.id,
  clientId: stored.client_id,
  clientName: stored.client_name ?? undefined,
  scope: stored.scope,
  expanded: stored.expanded,
  jkt: stored.jkt ?? undefined,
  code: stored.code ?? '',
  refresh: stored.refresh ?? undefined,
  createdAt: stored.created_at,
  lastUsedAt: stored.last_used_at,
  expiresAt: stored.expires_at,
  // Written by `insert` only.
  ...(JSON.parse(stored.detail) as Detail),
})

export const createGrantRows = ({ sql }: { sql: Sql }): GrantRows => ({
  read: (id) => {
    const stored = sql.first<Stored>('SELECT * FROM oauth_grant WHERE id = ?', id)
    return stored && rowOf(stored)
  },
  list: (now) =>
    sql
      .all<Stored>(
        `SELECT * FROM oauth_grant WHERE refresh IS NOT NULL AND expires_at > ?
         ORDER BY last_used_at DESC, id LIMIT ?`,
        now,
        MAX_GRANTS,
      )
      .map(rowOf),
  hasClient: (clientId, now) =>
    sql.first(
      'SELECT 1 AS yes FROM oauth_grant WHERE client_id = ? AND refresh IS NOT NULL AND expires_at > ?',
      clientId,
      now,
    ) !== undefined,
  insert: ({ auth, redirectUri, codeChallenge, ...row }) =>
    void sql.run(
      `INSERT INTO oauth_grant (id, client_id, client_name, detail, scope, expanded, jkt, code, created_at, last_used_at,
       expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.id,
      row.clientId,
      row.clientName ?? null,
      JSON.stringify({ auth, redirectUri, codeChallenge } satisfies Detail),
      row.scope,
      row.expanded,
      row.jkt ?? null,
      row.code,
      row.createdAt,
      row.lastUsedAt,
      row.expiresAt,
    ),
  update: ({ id, jkt, refresh, expanded, lastUsedAt, expiresAt }) =>
    void sql.run(
      'UPDATE oauth_grant SET jkt = ?, refresh = ?, expanded = ?, last_used_at = ?, expires_at = ? WHERE id = ?',
      jkt ?? null,
      refresh ?? null,
      expanded,
      lastUsedAt,
      expiresAt,
      id,
    ),
  delete: (id) => void sql.run('DELETE FROM oauth_grant WHERE id = ?', id),
  deleteAll: (now) =>
    sql
      .all<{ in_use: number }>(
        'DELETE FROM oauth_grant RETURNING refresh IS NOT NULL AND expires_at > ? AS in_use',
        now,
      )
      .filter(({ in_use }) => in_use === 1).length,
  deleteExpired: (now) => void sql.run('DELETE FROM oauth_grant WHERE expires_at <= ?', now),
  makeRoom: () =>
    void sql.run(
      `DELETE FROM oauth_grant WHERE id IN (
         SELECT id FROM oauth_grant ORDER BY last_used_at DESC, id LIMIT -1 OFFSET ?)`,
      MAX_GRANTS - 1,
    ),
  hasChallenge: (codeChallenge, exceptId, after) =>
    sql.first(
      `SELECT 1 AS yes FROM oauth_grant
       WHERE created_at > ? AND id <> ? AND refresh IS NOT NULL AND json_extract(detail, '$.codeChallenge') = ?`,
      after,
      exceptId,
      codeChallenge,
    ) !== undefined,
})
