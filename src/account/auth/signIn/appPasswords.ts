import { hashAppPassword, isAppPassword, newAppPassword } from '../../../crypto/appPassword.ts'
import { Secret } from '../../../crypto/secret.ts'
import type { Platform } from '../../../platform.ts'
import { isVisibleName, VISIBLE_NAME } from '../../../visibleName.ts'
import { error } from '../../../xrpc/errors.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import { REVOKED_EVENT, type Sessions } from '../sessions/sessions.ts'

/** Without the password itself, of which only a hash is kept. */
export interface AppPassword {
  name: string
  privileged: boolean
  /** In milliseconds since the epoch. */
  createdAt: number
}

/** Passwords for single apps: what their sessions may do is in the policy, and each can be revoked by itself. */
export interface AppPasswords {
  /** Makes a password and journals it. This is the only time that it is given out. */
  create(input: { name: string; privileged: boolean; by: string }): AppPassword & { password: string }
  /** The newest first. */
  list(): AppPassword[]
  /** Revokes one, ends its sessions, and journals it. Nothing happens where there is none of this name. */
  revoke(name: string, by: string): void
  /** The app password that this is; undefined if it is none. */
  find(password: string): AppPassword | undefined
}

export interface AppPasswordsDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
  sessions: Pick<Sessions, 'endThoseOf'>
  did: string
}

const MAX_APP_PASSWORDS = 100
type Row = { name: string; privileged: number; created_at: number }

const fromRow = ({ name, privileged, created_at }: Row): AppPassword => ({
  name,
  privileged: privileged === 1,
  createdAt: created_at,
})

/** The spelling that people type. What looks the same is the same name, so that the right one is revoked. */
const normalized = (name: string): string => name.normalize('NFC')

const checkName = (name: string): void => {
  if (isVisibleName(name)) return
  throw error('InvalidRequest', `name: ${VISIBLE_NAME}`)
}

export const createAppPasswords = (deps: AppPasswordsDeps): AppPasswords => {
  const { sql, platform, journal, sessions, did } = deps
  const count = (): number => sql.first<{ n: number }>('SELECT count(*) AS n FROM app_password')?.n ?? 0

  return {
    create: ({ name: asked, privileged, by }) => {
      const name = normalized(asked)
      checkName(name)
      const password = newAppPassword(platform.random)
      const createdAt = platform.now()
      sql.transaction(() => {
        if (sql.first('SELECT 1 FROM app_password WHERE name = ?', name))
          throw error(
            'InvalidRequest',
            `name: there is an app password ${JSON.stringify(name)} already; take another name, or revoke that one first`,
          )
        if (count() >= MAX_APP_PASSWORDS)
          throw error('InvalidRequest', `there are ${MAX_APP_PASSWORDS} app passwords: revoke one first`)
        sql.run(
          'INSERT INTO app_password (name, hash, privileged, created_at) VALUES (?, ?, ?, ?)',
          name,
          hashAppPassword(did, new Secret(password)),
          privileged ? 1 : 0,
          createdAt,
        )
        journal.append('create-app-password', { name, privileged, by })
      })
      return { name, password, privileged, createdAt }
    },
    list: () =>
      sql
        .all<Row>('SELECT name, privileged, created_at FROM app_password ORDER BY created_at DESC, name')
        .map(fromRow),
    revoke: (asked, by) =>
      sql.transaction(() => {
        const name = normalized(asked)
        const found = sql.first('DELETE FROM app_password WHERE name = ? RETURNING name', name)
        if (!found) return
        journal.append(REVOKED_EVENT, { name, by, ended: sessions.endThoseOf(name) })
      }),
    find: (password) => {
      const given = new Secret(password)
      if (!isAppPassword(given)) return undefined
      const row = sql.first<Row>(
        'SELECT name, privileged, created_at FROM app_password WHERE hash = ?',
        hashAppPassword(did, given),
      )
      return row && fromRow(row)
    },
  }
}
