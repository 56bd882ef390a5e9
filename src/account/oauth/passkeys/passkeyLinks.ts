import { newId } from '../../../crypto/newId.ts'
import type { Platform } from '../../../platform.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import { hashOf } from '../hashOf.ts'
import { PasskeyError } from './passkeyError.ts'

export const LINK_LIFETIME_MS = 10 * 60_000

/** Links, each of which registers one passkey. Only their hashes are kept. */
export interface PasskeyLinks {
  /** The secret of a new one, journalled. */
  create(): { secret: string; expiresAt: number }
  /** Throws `LinkNotFound` for one that is unknown, used or expired. Returns its hash. */
  find(secret: string): string
  /** Uses it up, in the transaction that registers; throws as `find`. */
  use(secret: string): void
  endAll(): void
}

export interface PasskeyLinksDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
}

const notFound = () =>
  new PasskeyError(
    'LinkNotFound',
    'this link was used already, has ended, or is older than 10 minutes: `pds passkey add` gives another one',
  )

export const createPasskeyLinks = ({ sql, platform, journal }: PasskeyLinksDeps): PasskeyLinks => ({
  create: () => {
    const secret = newId(platform.random)
    const now = platform.now()
    const expiresAt = now + LINK_LIFETIME_MS
    sql.transaction(() => {
      sql.run('DELETE FROM passkey_link WHERE expires_at <= ?', now)
      sql.run('INSERT INTO passkey_link (id, expires_at) VALUES (?, ?)', hashOf(secret), expiresAt)
      journal.append('create-passkey-link', { by: 'admin' })
    })
    return { secret, expiresAt }
  },
  find: (secret) => {
    const id = hashOf(secret)
    if (!sql.first('SELECT 1 FROM passkey_link WHERE id = ? AND expires_at > ?', id, platform.now()))
      throw notFound()
    return id
  },
  use: (secret) => {
    sql.assertTransaction()
    const used = sql.first(
      'DELETE FROM passkey_link WHERE id = ? AND expires_at > ? RETURNING id',
      hashOf(secret),
      platform.now(),
    )
    if (!used) throw notFound()
  },
  endAll: () => void sql.run('DELETE FROM passkey_link'),
})
