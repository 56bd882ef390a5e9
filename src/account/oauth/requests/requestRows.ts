import type { Sql } from '../../db/sql.ts'
import type { AuthorizationRequest } from './types.ts'
import { pushedOut } from './pushedOut.ts'

/** A pushed request that waits for the owner. Times are in milliseconds since the epoch. */
export interface RequestRow {
  /** SHA-256 of what the client has, base64url. */
  id: string
  request: AuthorizationRequest
  clientName: string | undefined
  /** The scope with its permission sets resolved: what is shown is what is granted. */
  expanded: string
  requestedAt: number
  expiresAt: number
}

/** The rows of the table `oauth_request`. */
export interface RequestRows {
  read(id: string, now: number): RequestRow | undefined
  /** Adds one that `network` pushed. Those that are over go, and one of the largest crowd where there are too many. */
  insert(row: RequestRow, network: string | undefined): void
  /** Notes that the owner's browser has opened it, once. */
  noteOpened(id: string): void
  delete(id: string): void
  deleteExpired(now: number): void
}

type Detail = Pick<RequestRow, 'request' | 'clientName' | 'expanded' | 'requestedAt'>

const deleteExpired = (sql: Sql, now: number): void =>
  void sql.run('DELETE FROM oauth_request WHERE expires_at <= ?', now)

export const createRequestRows = ({ sql }: { sql: Sql }): RequestRows => ({
  read: (id, now) => {
    const row = sql.first<{ detail: string; expires_at: number }>(
      'SELECT detail, expires_at FROM oauth_request WHERE id = ? AND expires_at > ?',
      id,
      now,
    )
    // Written by `insert` only.
    return row && { id, expiresAt: row.expires_at, ...(JSON.parse(row.detail) as Detail) }
  },
  insert: ({ id, expiresAt, ...detail }, network) => {
    sql.assertTransaction()
    deleteExpired(sql, detail.requestedAt)
    const pending = sql.all<{ id: string; network: string | null; opened: number }>(
      'SELECT id, network, opened FROM oauth_request ORDER BY expires_at, id',
    )
    const out = pushedOut(
      pending.map((row) => ({ id: row.id, network: row.network ?? undefined, isOpened: row.opened === 1 })),
      network,
    )
    if (out !== undefined) sql.run('DELETE FROM oauth_request WHERE id = ?', out)
    sql.run(
      'INSERT INTO oauth_request (id, client_id, network, opened, expires_at, detail) VALUES (?, ?, ?, 0, ?, ?)',
      id,
      detail.request.clientId,
      network ?? null,
      expiresAt,
      JSON.stringify(detail satisfies Detail),
    )
  },
  noteOpened: (id) => void sql.run('UPDATE oauth_request SET opened = 1 WHERE id = ? AND opened = 0', id),
  delete: (id) => void sql.run('DELETE FROM oauth_request WHERE id = ?', id),
  deleteExpired: (now) => deleteExpired(sql, now),
})
