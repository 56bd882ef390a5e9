/** Sessions: one row per sign-in, refresh tokens that are used once, and a real end. */
import { newId } from '../../crypto/newId.ts'
import { REFRESH_LIFETIME_S, type SessionTokens } from '../../signing/sessionTokens.ts'
import type { Platform } from '../../platform.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { Journal } from '../journal.ts'
import type { Sql } from '../db/sql.ts'

export interface Tokens {
  accessJwt: string
  refreshJwt: string
}

export interface SessionDeps {
  sql: Sql
  tokens: SessionTokens
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
  did: string
  /** The audience of every session token. */
  serviceDid: string
}

/**
 * For so long (milliseconds) a refresh token that has been used brings the same answer again: the
 * first one may have been lost on its way. Later it is a stolen copy, and ends the session.
 */
const REFRESH_GRACE = 2 * 60_000

type Row = { current: string; previous: string | null; replaced_at: number; expires_at: number }

export class Sessions {
  readonly #deps: SessionDeps

  constructor(deps: SessionDeps) {
    this.#deps = deps
  }

  /** Opens a session. `event` and `detail` go into the journal with it. */
  async create(event: string, detail: Record<string, string> = {}): Promise<Tokens> {
    const { sql, platform, journal } = this.#deps
    const now = platform.now()
    const sid = newId(platform.random)
    const jti = newId(platform.random)
    sql.transaction(() => {
      sql.run('DELETE FROM session WHERE expires_at <= ?', now)
      sql.run(
        'INSERT INTO session (id, current, replaced_at, created_at, expires_at) VALUES (?, ?, ?, ?, ?)',
        sid,
        jti,
        now,
        now,
        now + REFRESH_LIFETIME_S * 1000,
      )
      journal.append(event, detail)
    })
    return await this.#mint(sid, jti, now)
  }

  /** Whether the session is still open. */
  exists(sid: string): boolean {
    return this.#deps.sql.first('SELECT 1 AS yes FROM session WHERE id = ?', sid) !== undefined
  }

  /** Replaces a refresh token, once. See REFRESH_GRACE for the second time. */
  async refresh({ sid, jti }: { sid: string; jti: string }): Promise<Tokens> {
    const { sql, platform, journal } = this.#deps
    const now = platform.now()
    const next = sql.transaction((): { jti: string; at: number } | undefined => {
      const row = sql.first<Row>(
        'SELECT current, previous, replaced_at, expires_at FROM session WHERE id = ?',
        sid,
      )
      if (!row || row.expires_at <= now) return undefined
      if (row.current === jti) {
        const fresh = newId(platform.random)
        sql.run(
          'UPDATE session SET previous = current, current = ?, replaced_at = ?, expires_at = ? WHERE id = ?',
          fresh,
          now,
          now + REFRESH_LIFETIME_S * 1000,
          sid,
        )
        return { jti: fresh, at: now }
      }
      if (row.previous === jti && now - row.replaced_at <= REFRESH_GRACE)
        return { jti: row.current, at: row.replaced_at }
      sql.run('DELETE FROM session WHERE id = ?', sid)
      journal.append('session-revoked', { reason: 'a refresh token was used again' })
      return undefined
    })
    if (!next)
      throw error('InvalidToken', `this session has ended; sign in again. ${docsLink('session-ended')}`)
    return await this.#mint(sid, next.jti, next.at)
  }

  /** Ends a session: its access and refresh tokens are worthless from here on. */
  delete(sid: string): void {
    this.#deps.sql.run('DELETE FROM session WHERE id = ?', sid)
  }

  /** The same arguments give the same tokens, byte by byte: HMAC has no chance in it. */
  async #mint(sid: string, jti: string, now: number): Promise<Tokens> {
    const { tokens, did, serviceDid: aud } = this.#deps
    const [accessJwt, refreshJwt] = await Promise.all([
      tokens.mintAccess({ did, aud, sid, now }),
      tokens.mintRefresh({ did, aud, sid, jti, now }),
    ])
    return { accessJwt, refreshJwt }
  }
}
