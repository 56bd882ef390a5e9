import { fault } from '../../fault.ts'
import { readAccount, setDeleted, stateOf } from '../db/accountRow.ts'
import { readHead } from '../db/head.ts'
import { assertNotRetained, requireHandle } from './retention.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

/** What opens the account, or waits to: sessions and grants have ended before. */
const SIGN_IN_TABLES = ['app_password', 'passkey', 'oauth_request', 'permission_set'] as const

/**
 * Deletes the account here, for ever. The state, the event and the end of everything that signs in are one transaction;
 * repository and blobs are erased by the alarm afterwards, which goes on after any crash. Returns whether nothing is
 * left. While the retention lock holds, only an owner who types the handle can do it. May be repeated.
 */
export const deleteAccount = async (deps: LifecycleDeps, confirmHandle?: string): Promise<boolean> => {
  const { sql, platform, repo, sequencer, journal, sessions, eraser, identityWatch } = deps
  if (confirmHandle !== undefined) requireHandle(deps, confirmHandle)
  // The DID may have moved since it was looked up last.
  if (stateOf(readAccount(sql)) !== 'deleted') await identityWatch.glance()
  // Exclusive, so that no commit is under way, and none follows.
  await repo.exclusive(async () =>
    sequencer.transaction(() => {
      if (stateOf(readAccount(sql)) === 'deleted') return
      if (confirmHandle === undefined) assertNotRetained(deps)
      const rev = readHead(sql)?.rev ?? null
      sessions.endAll('account deleted')
      for (const table of SIGN_IN_TABLES) sql.run(`DELETE FROM ${table}`)
      sql.run('DELETE FROM preference')
      setDeleted(sql, platform.now())
      fault('delete.afterState')
      sequencer.appendAccount(false, 'deleted')
      fault('delete.afterEvent')
      journal.append('delete', { rev })
    }),
  )
  await deps.eraseSoon()
  return eraser.isDone()
}
