/** Taking the account out of service here. */
import { fault } from '../../fault.ts'
import { error } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import { readAccount, setDeactivated, setDeleteAfter } from '../db/accountRow.ts'
import { lookUp } from '../identity/upstream.ts'
import type { LifecycleDeps } from './deps.ts'

export interface DeactivateOptions {
  deleteAfter?: string
  byToken: boolean
}

/**
 * By a migration token only once the DID names another PDS: a token that leaked must not silence the
 * account. May be repeated.
 */
export const deactivate = async (deps: LifecycleDeps, options: DeactivateOptions): Promise<void> => {
  const { sql, platform, repo, sequencer, journal, watch } = deps
  const { deleteAfter, byToken } = options
  if (byToken) {
    const observation = await lookUp(watch)
    if (watch.isHere(observation) || observation.pds === undefined)
      throw error(
        'Forbidden',
        `the DID does not name another PDS yet, so a token cannot deactivate the account; the owner can, with \`pds deactivate\`. ${docsLink('did-elsewhere')}`,
      )
  }
  // In turn with the commits: none is under way, and none follows.
  await repo.exclusive(async () =>
    sequencer.transaction(() => {
      if (readAccount(sql).stored === 'deactivated') {
        if (deleteAfter !== undefined) setDeleteAfter(sql, deleteAfter)
        return
      }
      setDeactivated(sql, platform.now(), deleteAfter)
      fault('deactivate.afterState')
      sequencer.account(false, 'deactivated')
      fault('deactivate.afterEvent')
      journal.append('deactivate', { deleteAfter: deleteAfter ?? null, by: byToken ? 'token' : 'owner' })
    }),
  )
  // The network's word on where the account went, for `pds status`; not worth failing for.
  await watch.glance()
}
