import { newId } from '../../crypto/newId.ts'
import { REFRESH_LIFETIME_S, type SessionTokens } from '../../signing/sessionTokens.ts'
import type { Platform } from '../../platform.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { Journal } from '../journal.ts'
import type { Sql } from '../db/sql.ts'

/** A session's two tokens, as the answers of `com.atproto.server.*` name them. */
export interface TokenPair {
  accessJwt: string
  refreshJwt: string
}

/** How a session was opened. */
export interface SignedIn {
  /** The method that the password was given to. */
  via: 'createSession' | 'createAccount'
  /** The User-Agent of the client, made safe to show. */
  client?: string | undefined
}

/** A session as its owner sees it. Times are in milliseconds since the epoch. */
export interface SessionInfo {
  /** Not a secret: tokens are authenticated by a key. */
  id: string
  /** Undefined if the session is from before schema version 6. */
  via: string | undefined
  client: string | undefined
  createdAt: number
  /** When its refresh token was last replaced: a row for each request would cost too much. */
  lastUsedAt: number
  expiresAt: number
}

/** The owner's sessions: one row for each sign-in. */
export interface Sessions {
  /** Opens a session, and writes the sign-in into the journal in the same transaction. */
  create(signedIn: SignedIn): Promise<TokenPair>
  /** Whether the session has not been ended. When it expires is checked with its tokens. */
  exists(sid: string): boolean
  /** Replaces a refresh token. For `REFRESH_GRACE_MS`, the same token brings the same answer again; later, it ends the session. */
  refresh(token: { sid: string; jti: string }): Promise<TokenPair>
  /** Ends a session: its access token and refresh token are refused from now on. */
  delete(sid: string): void
  /** Those that have not ended, the one that was used last first; at most `MAX_LISTED`. */
  list(): SessionInfo[]
  /** Ends one session for the administrator, and journals it. Returns false if there is none with this id. */
  end(sid: string): boolean
  /** Ends every session but `except`, and journals it; returns how many. */
  endAll(reason: string, except?: string): number
}

export interface SessionsDeps {
  sql: Sql
  tokens: SessionTokens
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
  did: string
  /** The audience of every session token. */
  serviceDid: string
}

/**
 * For this long, a refresh token that was already used brings the same answer again: the first answer may have been
 * lost on its way. Used later, it is taken for a stolen copy, and the session ends.
 */
const REFRESH_GRACE_MS = 2 * 60_000
/** How many sessions one answer lists. */
const MAX_LISTED = 1000
const ENDED_EVENT = 'end-sessions'

type Row = { current: string; previous: string | null; replaced_at: number; expires_at: number }

type ListedRow = {
  id: string
  via: string | null
  client: string | null
  created_at: number
  replaced_at: number
  expires_at: number
}

export const sessionEnded = () =>
  error('InvalidToken', `this session has ended; sign in again. ${docsLink('session-ended')}`)

/** Sessions in the account's database: a refresh token is used once, and a session that ended stays ended. */
export const createSessions = (deps: SessionsDeps): Sessions => {
  const { sql, tokens, platform, journal, did, serviceDid: aud } = deps

  /** The same arguments give the same tokens, byte for byte: an HMAC is deterministic. */
  const mint = async (sid: string, jti: string, now: number): Promise<TokenPair> => {
    const [accessJwt, refreshJwt] = await Promise.all([
      tokens.mintAccess({ did, aud, sid, kind: 'session', now }),
      tokens.mintRefresh({ did, aud, sid, jti, now }),
    ])
    return { accessJwt, refreshJwt }
  }

  /** The refresh token that follows `jti`; undefined if the session has ended, or ends here. */
  const replace = (sid: string, jti: string): { jti: string; at: number } | undefined => {
    const now = platform.now()
    const row = sql.first<Row>(
      'SELECT current, previous, replaced_at, expires_at FROM session WHERE id = ?',
      sid,
    )
    if (!row || row.expires_at <= now) return undefined
    if (row.current === jti) {
      const next = newId(platform.random)
      sql.run(
        'UPDATE session SET previous = current, current = ?, replaced_at = ?, expires_at = ? WHERE id = ?',
        next,
        now,
        now + REFRESH_LIFETIME_S * 1000,
        sid,
      )
      return { jti: next, at: now }
    }
    if (row.previous === jti && now - row.replaced_at <= REFRESH_GRACE_MS)
      return { jti: row.current, at: row.replaced_at }
    sql.run('DELETE FROM session WHERE id = ?', sid)
    journal.append('session-revoked', { reason: 'a refresh token was used again' })
    return undefined
  }

  return {
    create: async ({ via, client }) => {
      const now = platform.now()
      const sid = newId(platform.random)
      const jti = newId(platform.random)
      sql.transaction(() => {
        sql.run('DELETE FROM session WHERE expires_at <= ?', now)
        sql.run(
          `INSERT INTO session (id, current, replaced_at, created_at, expires_at, via, client)
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
          sid,
          jti,
          now,
          now,
          now + REFRESH_LIFETIME_S * 1000,
          via,
          client ?? null,
        )
        journal.append('sign-in', { via, session: sid, ...(client !== undefined && { client }) })
      })
      return await mint(sid, jti, now)
    },
    exists: (sid) => sql.first('SELECT 1 AS yes FROM session WHERE id = ?', sid) !== undefined,
    refresh: async ({ sid, jti }) => {
      const next = sql.transaction(() => replace(sid, jti))
      if (!next) throw sessionEnded()
      return await mint(sid, next.jti, next.at)
    },
    delete: (sid) => {
      sql.run('DELETE FROM session WHERE id = ?', sid)
    },
    list: () =>
      sql
        .all<ListedRow>(
          `SELECT id, via, client, created_at, replaced_at, expires_at FROM session WHERE expires_at > ?
           ORDER BY replaced_at DESC, id LIMIT ?`,
          platform.now(),
          MAX_LISTED,
        )
        .map((row) => ({
          id: row.id,
          via: row.via ?? undefined,
          client: row.client ?? undefined,
          createdAt: row.created_at,
          lastUsedAt: row.replaced_at,
          expiresAt: row.expires_at,
        })),
    end: (sid) =>
      sql.transaction(() => {
        const now = platform.now()
        const ended = sql.first('DELETE FROM session WHERE id = ? AND expires_at > ? RETURNING id', sid, now)
        if (ended) journal.append(ENDED_EVENT, { reason: 'admin', ended: 1, session: sid })
        return ended !== undefined
      }),
    endAll: (reason, except) =>
      sql.transaction(() => {
        sql.run('DELETE FROM session WHERE expires_at <= ?', platform.now())
        const ended = sql.all('DELETE FROM session WHERE id IS NOT ? RETURNING id', except ?? null).length
        if (ended > 0) journal.append(ENDED_EVENT, { reason, ended })
        return ended
      }),
  }
}
