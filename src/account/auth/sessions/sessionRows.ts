import type { Sql } from '../../db/sql.ts'
import type { RefreshChain, UsedToken } from './refreshChain.ts'

/** A session as it is stored. */
export interface SessionRow extends RefreshChain {
  expiresAt: number
  /** The app password that opened it; undefined: the account's own. */
  appPassword: { name: string; privileged: boolean } | undefined
}

/** A session as its owner sees it. Times are in milliseconds since the epoch. */
export interface SessionInfo {
  /** Not a secret: tokens are authenticated by a key. */
  id: string
  /** Undefined if the session is from before schema version 6. */
  via: string | undefined
  client: string | undefined
  appPassword: { name: string; privileged: boolean } | undefined
  createdAt: number
  /** When its refresh token was last replaced: a row for each request would cost too much. */
  lastUsedAt: number
  expiresAt: number
}

/** The rows of the table `session`. */
export interface SessionRows {
  exists(sid: string): boolean
  /** Undefined also for a session whose app password is gone. */
  read(sid: string): SessionRow | undefined
  insert(sid: string, row: SessionRow, origin: { via: string; client: string | undefined }): void
  /** Writes what a refresh changes. */
  update(sid: string, row: SessionRow): void
  delete(sid: string): void
  deleteAllBut(sid: string | undefined): number
  deleteThoseOf(appPassword: string): number
  deleteExpired(now: number): void
  /**
   * Makes room for another session of one password, the account's own if none is named: of `MAX_OF_ONE_PASSWORD`, the
   * one that was not used for the longest time is deleted.
   */
  makeRoom(appPassword: string | undefined): void
  list(now: number): SessionInfo[]
}

/** How many sessions one answer lists. */
const MAX_LISTED = 1000
/** A program that signs in every few minutes and never refreshes must not fill the table, which each sign-in reads. */
const MAX_OF_ONE_PASSWORD = 1000

type Stored = {
  current: string
  previous: string | null
  older: string | null
  replaced_at: number
  expires_at: number
  app_password: string | null
  privileged: number | null
}

type Listed = {
  id: string
  via: string | null
  client: string | null
  created_at: number
  replaced_at: number
  expires_at: number
  app_password: string | null
  privileged: number | null
}

const appPasswordOf = ({ app_password, privileged }: Pick<Stored, 'app_password' | 'privileged'>) =>
  app_password === null ? undefined : { name: app_password, privileged: privileged === 1 }

const asJson = (older: readonly UsedToken[]): string | null =>
  older.length === 0 ? null : JSON.stringify(older)

export const createSessionRows = ({ sql }: { sql: Sql }): SessionRows => ({
  exists: (sid) => sql.first('SELECT 1 AS yes FROM session WHERE id = ?', sid) !== undefined,
  read: (sid) => {
    const row = sql.first<Stored>(
      `SELECT current, previous, older, replaced_at, expires_at, app_password, privileged
       FROM session LEFT JOIN app_password ON name = app_password WHERE id = ?`,
      sid,
    )
    if (!row || (row.app_password !== null && row.privileged === null)) return undefined
    return {
      current: row.current,
      previous: row.previous,
      // Written by `update` only.
      older: row.older === null ? [] : (JSON.parse(row.older) as UsedToken[]),
      replacedAt: row.replaced_at,
      expiresAt: row.expires_at,
      appPassword: appPasswordOf(row),
    }
  },
  insert: (sid, row, { via, client }) =>
    void sql.run(
      `INSERT INTO session (id, current, replaced_at, created_at, expires_at, via, client, app_password)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      sid,
      row.current,
      row.replacedAt,
      row.replacedAt,
      row.expiresAt,
      via,
      client ?? null,
      row.appPassword?.name ?? null,
    ),
  update: (sid, { current, previous, older, replacedAt, expiresAt }) =>
    void sql.run(
      'UPDATE session SET current = ?, previous = ?, older = ?, replaced_at = ?, expires_at = ? WHERE id = ?',
      current,
      previous,
      asJson(older),
      replacedAt,
      expiresAt,
      sid,
    ),
  delete: (sid) => void sql.run('DELETE FROM session WHERE id = ?', sid),
  deleteAllBut: (sid) => sql.all('DELETE FROM session WHERE id IS NOT ? RETURNING id', sid ?? null).length,
  deleteThoseOf: (appPassword) =>
    sql.all('DELETE FROM session WHERE app_password = ? RETURNING id', appPassword).length,
  deleteExpired: (now) => void sql.run('DELETE FROM session WHERE expires_at <= ?', now),
  makeRoom: (appPassword) =>
    void sql.run(
      `DELETE FROM session WHERE id IN (
         SELECT id FROM session WHERE app_password IS ? ORDER BY replaced_at DESC, id LIMIT -1 OFFSET ?)`,
      appPassword ?? null,
      MAX_OF_ONE_PASSWORD - 1,
    ),
  list: (now) =>
    sql
      .all<Listed>(
        `SELECT id, via, client, session.created_at, replaced_at, expires_at, app_password, privileged
         FROM session LEFT JOIN app_password ON name = app_password WHERE expires_at > ?
         ORDER BY replaced_at DESC, id LIMIT ?`,
        now,
        MAX_LISTED,
      )
      .map((row) => ({
        id: row.id,
        via: row.via ?? undefined,
        client: row.client ?? undefined,
        appPassword: appPasswordOf(row),
        createdAt: row.created_at,
        lastUsedAt: row.replaced_at,
        expiresAt: row.expires_at,
      })),
})
