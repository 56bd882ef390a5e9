import { newId } from '../../../crypto/newId.ts'
import { REFRESH_LIFETIME_S, type SessionKind, type SessionTokens } from '../../../signing/sessionTokens.ts'
import type { Platform } from '../../../platform.ts'
import { error } from '../../../xrpc/errors.ts'
import { docsLink } from '../../../docsLink.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import type { Grants } from '../../oauth/grants/types.ts'
import type { Passkeys } from '../../oauth/passkeys/types.ts'
import type { BrowserSignIns } from '../../oauth/signIns/types.ts'
import { NEW_PASSWORD_EVENT } from './noteNewPassword.ts'
import { followedBy, REFRESH_GRACE_MS, tokenState } from './refreshChain.ts'
import { createSessionRows, type SessionInfo, type SessionRow } from './sessionRows.ts'

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
  /** The app password that was given; undefined: the account's own. */
  appPassword?: { name: string; privileged: boolean } | undefined
}

/** What identifies a refresh token. */
export interface RefreshTokenId {
  sid: string
  jti: string
}

/** The owner's sessions: one row for each sign-in. */
export interface Sessions {
  /** Opens a session, and writes the sign-in into the journal in the same transaction. */
  create(signedIn: SignedIn): Promise<TokenPair>
  /** Whether the session has not been ended. When it expires is checked with its tokens. */
  exists(sid: string): boolean
  /**
   * Replaces a refresh token, which writes one row. A token that was used already brings the session's current one
   * again, for `REFRESH_GRACE_MS` after its first use; later, it is refused with `ExpiredToken`, and the session goes on.
   */
  refresh(token: RefreshTokenId): Promise<TokenPair>
  /** Ends a session by a refresh token that `refresh` would take: its tokens are refused from now on. */
  delete(token: RefreshTokenId): void
  /** Whether sessions were ended on purpose, a password revoked or replaced, after this time (milliseconds). */
  wereEndedAfter(time: number): boolean
  /** Those that have not ended, the one that was used last first; at most `MAX_LISTED`. */
  list(): SessionInfo[]
  /** Ends one session, by default for the administrator, and journals it. Returns false if there is none with this id. */
  end(sid: string, reason?: string): boolean
  /**
   * Ends every session but one that is named, and with them what else is signed in or about to be: the grants of apps, browsers, and the links that register passkeys. Journals what
   * there was; for the administrator in any case, since upload tokens that sessions have asked for end with it.
   */
  endAll(reason: string, except?: { session?: string | undefined; browser?: string | undefined }): Ended
  /** Ends the sessions that an app password opened, within the transaction that revokes it; returns how many. */
  endThoseOf(appPassword: string): number
}

/** How many of each ended. */
export interface Ended {
  sessions: number
  grants: number
  browsers: number
}

export interface SessionsDeps {
  sql: Sql
  tokens: SessionTokens
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
  did: string
  /** The audience of every session token. */
  serviceDid: string
  grants: Pick<Grants, 'endAll'>
  browserSignIns: Pick<BrowserSignIns, 'endAll'>
  passkeys: Pick<Passkeys, 'endLinks'>
}

const ENDED_EVENT = 'end-sessions'
/** The reason in the journal where the administrator asked for it. */
const BY_ADMIN = 'admin'
/** The journal's event for an app password that is revoked. */
export const REVOKED_EVENT = 'revoke-app-password'

/**
 * As for a token that has expired: clients then refresh, which is refused as well, and show their login. The message is
 * short for the reason that `tokenError` gives.
 */
export const sessionEnded = () => error('ExpiredToken', 'this session has ended; sign in again')

const usedUp = () =>
  error(
    'ExpiredToken',
    `this refresh token was used more than ${REFRESH_GRACE_MS / 3600_000} hours ago, and newer ones have replaced it; sign in again. ${docsLink('session-ended')}`,
  )

const kindOf = (appPassword: SignedIn['appPassword']): SessionKind => {
  if (!appPassword) return 'session'
  return appPassword.privileged ? 'appPasswordPrivileged' : 'appPassword'
}

/** Sessions in the account's database: each refresh token has one successor, and a session that ended stays ended. */
export const createSessions = (deps: SessionsDeps): Sessions => {
  const { sql, tokens, platform, journal, did, serviceDid: aud } = deps
  const rows = createSessionRows({ sql })

  /** The same token, byte for byte, for the same id and time: an HMAC is deterministic. */
  const mintRefresh = (sid: string, { current, replacedAt }: SessionRow) =>
    tokens.mintRefresh({ did, aud, sid, jti: current, now: replacedAt })

  const mint = async (sid: string, row: SessionRow, now: number): Promise<TokenPair> => {
    const [accessJwt, refreshJwt] = await Promise.all([
      tokens.mintAccess({ did, aud, sid, kind: kindOf(row.appPassword), now }),
      mintRefresh(sid, row),
    ])
    return { accessJwt, refreshJwt }
  }

  /** The session that a refresh token is of; throws if it has ended, or if the token is used up. */
  const rowOf = ({ sid, jti }: RefreshTokenId, now: number): SessionRow & { isCurrent: boolean } => {
    const row = rows.read(sid)
    if (!row || row.expiresAt <= now) throw sessionEnded()
    const state = tokenState(row, jti, now)
    if (state === 'used up') throw usedUp()
    return { ...row, isCurrent: state === 'current' }
  }

  return {
    create: async ({ via, client, appPassword }) => {
      const now = platform.now()
      const sid = newId(platform.random)
      const row = {
        current: newId(platform.random),
        previous: null,
        replacedAt: now,
        older: [],
        expiresAt: now + REFRESH_LIFETIME_S * 1000,
        appPassword,
      }
      sql.transaction(() => {
        rows.deleteExpired(now)
        rows.makeRoom(appPassword?.name)
        rows.insert(sid, row, { via, client })
        journal.append('sign-in', {
          via,
          session: sid,
          ...(client !== undefined && { client }),
          ...(appPassword && { appPassword: appPassword.name }),
        })
      })
      return await mint(sid, row, now)
    },
    exists: rows.exists,
    refresh: async (token) => {
      const now = platform.now()
      const row = sql.transaction(() => {
        const { isCurrent, ...row } = rowOf(token, now)
        if (!isCurrent) return row
        const next = {
          ...row,
          ...followedBy(row, newId(platform.random), now),
          expiresAt: now + REFRESH_LIFETIME_S * 1000,
        }
        rows.update(token.sid, next)
        return next
      })
      return await mint(token.sid, row, now)
    },
    delete: (token) =>
      sql.transaction(() => {
        rowOf(token, platform.now())
        rows.delete(token.sid)
      }),
    wereEndedAfter: (time) => journal.hasAny([ENDED_EVENT, REVOKED_EVENT, NEW_PASSWORD_EVENT], time),
    list: () => {
      const listed = rows.list(platform.now())
      // The one that was used last comes first. No token of those from before a new password is accepted any more.
      const isOver = ({ lastUsedAt }: SessionInfo) => journal.hasAny([NEW_PASSWORD_EVENT], lastUsedAt)
      const oldest = listed.at(-1)
      return oldest && isOver(oldest) ? listed.filter((session) => !isOver(session)) : listed
    },
    end: (sid, reason = BY_ADMIN) =>
      sql.transaction(() => {
        const row = rows.read(sid)
        if (!row || row.expiresAt <= platform.now()) return false
        rows.delete(sid)
        journal.append(ENDED_EVENT, { reason, ended: 1, session: sid })
        return true
      }),
    endAll: (reason, except = {}) =>
      sql.transaction(() => {
        rows.deleteExpired(platform.now())
        const ended = rows.deleteAllBut(except.session)
        if (ended > 0 || reason === BY_ADMIN) journal.append(ENDED_EVENT, { reason, ended })
        deps.passkeys.endLinks()
        return {
          sessions: ended,
          grants: deps.grants.endAll(reason),
          browsers: deps.browserSignIns.endAll(except.browser),
        }
      }),
    endThoseOf: rows.deleteThoseOf,
  }
}
