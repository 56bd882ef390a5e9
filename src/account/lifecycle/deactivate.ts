import { fault } from '../../fault.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import { readAccount, setDeactivated, setDeleteAfter } from '../db/accountRow.ts'
import type { LifecycleDeps } from './lifecycleDeps.ts'

export interface DeactivateOptions {
  /** As the client gave it: stored and shown, never acted on. */
  deleteAfter?: string
  /** Who asks: `token` is a migration token. */
  by: 'owner' | 'token' | `grant ${string}`
}

/**
 * Takes the account out of service here. May be repeated. A migration token can do it only after the DID names another
 * PDS: a leaked token must not be able to silence the account.
 */
export const deactivate = async (deps: LifecycleDeps, options: DeactivateOptions): Promise<void> => {
  const { sql, platform, repo, sequencer, journal, identityWatch } = deps
  const { deleteAfter, by } = options
  if (by === 'token') {
    const observation = await identityWatch.lookUp()
    if (identityWatch.isHere(observation) || observation.pds === undefined)
      throw error(
        'Forbidden',
        `the DID does not name another PDS yet, so a token cannot deactivate the account; the owner can, with \`pds deactivate\`. ${docsLink('did-elsewhere')}`,
      )
  }
  // Exclusive, so that no commit is under way, and none follows.
  await repo.exclusive(async () =>
    sequencer.transaction(() => {
      if (readAccount(sql).storedState === 'deactivated') {
        if (deleteAfter !== undefined) setDeleteAfter(sql, deleteAfter)
        return
      }
      setDeactivated(sql, platform.now(), deleteAfter)
      fault('deactivate.afterState')
      sequencer.appendAccount(false, 'deactivated')
      fault('deactivate.afterEvent')
      journal.append('deactivate', { deleteAfter: deleteAfter ?? null, by })
    }),
  )
  // Finds out where the account went, for `pds status`. A failure does not fail the deactivation.
  await identityWatch.glance()
}
