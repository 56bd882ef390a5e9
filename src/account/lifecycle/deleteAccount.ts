import { fault } from '../../fault.ts'
import { readAccount, readHead, setDeleted, stateOf } from '../db/accountRow.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

/**
 * Deletes the account here, for ever. The state, the event and the end of everything that signs in are one transaction;
 * repository and blobs are erased by the alarm afterwards, which goes on after any crash. Returns whether nothing is
 * left. May be repeated.
 */
export const deleteAccount = async (deps: LifecycleDeps): Promise<boolean> => {
  const { sql, platform, repo, sequencer, journal, sessions, eraser } = deps
  // Exclusive, so that no commit is under way, and none follows.
  await repo.exclusive(async () =>
    sequencer.transaction(() => {
      if (stateOf(readAccount(sql)) === 'deleted') return
      const rev = readHead(sql)?.rev ?? null
      sessions.endAll('account deleted')
      sql.run('DELETE FROM app_password')
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
