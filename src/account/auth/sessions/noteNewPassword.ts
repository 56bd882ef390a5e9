import type { SessionTokens } from '../../../signing/sessionTokens.ts'
import type { Platform } from '../../../platform.ts'
import type { Sql } from '../../db/sql.ts'
import type { Journal } from '../../journal.ts'
import type { Grants } from '../../oauth/grants/types.ts'
import type { Passkeys } from '../../oauth/passkeys/types.ts'
import type { BrowserSignIns } from '../../oauth/signIns/types.ts'

export interface NoteNewPasswordDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  journal: Journal
  tokens: Pick<SessionTokens, 'mark'>
  grants: Pick<Grants, 'endAll'>
  browserSignIns: Pick<BrowserSignIns, 'endAll'>
  passkeys: Pick<Passkeys, 'endLinks'>
}

/** The journal's event for another account password, or another SESSION_SECRET, than at the last start. */
export const NEW_PASSWORD_EVENT = 'new-password'

/** Kept among the counters of the rate limits: `window_start` is when it was first seen, in seconds, `used` the mark. */
const KEY = 'password-mark'

/**
 * Journals that the deployment has another account password than when the object last started. Its sessions have ended
 * by themselves, since no token verifies any more; what they had asked for, upload tokens, ends by this event. Grants,
 * whose tokens do not verify either, the sign-ins of browsers, and links that register passkeys end here.
 */
export const noteNewPassword = (deps: NoteNewPasswordDeps): void => {
  const { sql, platform, journal, tokens, grants, browserSignIns, passkeys } = deps
  const { mark } = tokens
  const known = sql.first<{ used: number }>('SELECT used FROM rate WHERE key = ?', KEY)?.used
  if (known === mark) return
  sql.transaction(() => {
    sql.run(
      `INSERT INTO rate (key, window_start, used) VALUES (?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET window_start = excluded.window_start, used = excluded.used`,
      KEY,
      Math.floor(platform.now() / 1000),
      mark,
    )
    grants.endAll('new password')
    browserSignIns.endAll()
    passkeys.endLinks()
    if (known !== undefined) journal.append(NEW_PASSWORD_EVENT)
  })
}
