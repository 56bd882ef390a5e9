import { type Client, pages } from '../../client/index.ts'
import { orServerError } from './serverErrors.ts'
import { stateOf, type Status } from './status.ts'

/**
 * Whether the account has been active on this server, so that it is the owner's: only an account that the DID names can
 * be activated. The first activation ends every session but the one that activates.
 */
export async function wasActivated(admin: Client, status: Status): Promise<boolean> {
  const state = stateOf(status)
  if (state === 'absent') return false
  if (state !== 'deactivated') return true
  const journal = pages((page) => orServerError(admin.com.cirrus.admin.getJournal({ limit: 1000, ...page })))
  for await (const { entries } of journal) if (entries.some(({ event }) => event === 'activate')) return true
  return false
}

/** What to tell the owner after a first activation. */
export const SESSIONS_ENDED = 'every session from before has ended; sign in again in your apps'
