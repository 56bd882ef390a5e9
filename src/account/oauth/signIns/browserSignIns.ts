import { createHash } from 'node:crypto'
import { newId } from '../../../crypto/newId.ts'
import type { Platform } from '../../../platform.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import type { BrowserSignIn, BrowserSignIns } from './types.ts'

export interface BrowserSignInsDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
}

const MINUTE_MS = 60_000
export const REMEMBERED_MS = 7 * 24 * 60 * MINUTE_MS
export const IDLE_MS = 15 * MINUTE_MS
/** The end of one that is not remembered is moved so often at most: each time writes a row. */
const EXTEND_AFTER_MS = MINUTE_MS
/** Beyond this, the oldest ends. */
const MAX_SIGN_INS = 50

/** Two random ids: the first is of this sign-in, the second of all that follow one another in a browser. */
const SECRET = /^[0-9a-f]{32}\.([0-9a-f]{32})$/

/**
 * The part of a sign-in's secret that the next one in the same browser takes over: what forms are bound to. A secret that
 * was made up has none that anything was ever bound to.
 */
export const lineageOf = (secret: string): string | undefined => SECRET.exec(secret)?.[1]

type Row = {
  id: string
  via: string
  client: string | null
  remembered: number
  created_at: number
  expires_at: number
}

const fromRow = (row: Row): BrowserSignIn => ({
  id: row.id,
  via: row.via === 'passkey' ? 'passkey' : 'password',
  client: row.client ?? undefined,
  isRemembered: row.remembered === 1,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
})

/** A row's id is the hash of the secret: a person who reads the table, or the page that lists it, cannot sign in with it. */
const idOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

export const createBrowserSignIns = (deps: BrowserSignInsDeps): BrowserSignIns => {
  const { sql, platform, journal } = deps

  const read = (secret: string): BrowserSignIn | undefined => {
    if (!SECRET.test(secret)) return undefined
    const row = sql.first<Row>(
      'SELECT * FROM browser_sign_in WHERE id = ? AND expires_at > ?',
      idOf(secret),
      platform.now(),
    )
    return row && fromRow(row)
  }

  return {
    open: ({ via, remember, client, replaces }) => {
      const now = platform.now()
      const replaced = replaces === undefined ? undefined : read(replaces)
      const lineage = (replaced && lineageOf(replaces ?? '')) ?? newId(platform.random)
      const secret = `${newId(platform.random)}.${lineage}`
      sql.transaction(() => {
        sql.run('DELETE FROM browser_sign_in WHERE expires_at <= ? OR id = ?', now, replaced?.id ?? null)
        sql.run(
          `DELETE FROM browser_sign_in WHERE id IN (
             SELECT id FROM browser_sign_in ORDER BY created_at DESC, id LIMIT -1 OFFSET ?)`,
          MAX_SIGN_INS - 1,
        )
        sql.run(
          `INSERT INTO browser_sign_in (id, via, client, remembered, created_at, expires_at)
           VALUES (?, ?, ?, ?, ?, ?)`,
          idOf(secret),
          via,
          client ?? null,
          remember ? 1 : 0,
          now,
          now + (remember ? REMEMBERED_MS : IDLE_MS),
        )
        journal.append('sign-in', { via: 'browser', by: via, ...(client !== undefined && { client }) })
      })
      return secret
    },
    find: (secret) => {
      const signIn = read(secret)
      if (!signIn || signIn.isRemembered) return signIn
      const expiresAt = platform.now() + IDLE_MS
      if (expiresAt - signIn.expiresAt < EXTEND_AFTER_MS) return signIn
      sql.transaction(() =>
        sql.run('UPDATE browser_sign_in SET expires_at = ? WHERE id = ?', expiresAt, signIn.id),
      )
      return { ...signIn, expiresAt }
    },
    list: () =>
      sql
        .all<Row>(
          'SELECT * FROM browser_sign_in WHERE expires_at > ? ORDER BY created_at DESC, id',
          platform.now(),
        )
        .map(fromRow),
    end: (id) =>
      sql.transaction(() => {
        const ended = sql.first(
          'DELETE FROM browser_sign_in WHERE id = ? AND expires_at > ? RETURNING id',
          id,
          platform.now(),
        )
        if (ended) journal.append('end-browser', { ended: 1 })
        return ended !== undefined
      }),
    endAll: (except, via) =>
      sql.transaction(() => {
        sql.run('DELETE FROM browser_sign_in WHERE expires_at <= ?', platform.now())
        const ended = sql.all(
          'DELETE FROM browser_sign_in WHERE id IS NOT ?1 AND (?2 IS NULL OR via = ?2) RETURNING id',
          except ?? null,
          via ?? null,
        ).length
        if (ended > 0) journal.append('end-browser', { ended })
        return ended
      }),
  }
}
