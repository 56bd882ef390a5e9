import { isObject } from '../isObject.ts'
import type { Asking } from './ask.ts'
import { ContractError } from './contractError.ts'
import type { OwnSession } from './types.ts'

/** Whether an account has records. Undefined where its server does not say. */
async function hasRecords(ask: Asking, { did, accessJwt }: OwnSession): Promise<boolean | undefined> {
  const headers = { authorization: `Bearer ${accessJwt}` }
  const described = await ask('com.atproto.repo.describeRepo', { query: { repo: did }, headers })
  const collections = isObject(described.json) ? described.json['collections'] : undefined
  if (described.status === 200 && Array.isArray(collections)) return collections.length > 0
  // A deactivated account is described to nobody by some servers.
  const status = await ask('com.atproto.server.checkAccountStatus', { headers })
  const records = isObject(status.json) ? status.json['indexedRecords'] : undefined
  return status.status === 200 && typeof records === 'number' ? records > 0 : undefined
}

/** Throws unless the account has no records, or `allowed` says that its owner knows what a run writes. */
export async function requireWithoutRecords(
  ask: Asking,
  session: OwnSession,
  allowed: boolean,
): Promise<void> {
  if (allowed) return
  const has = await hasRecords(ask, session)
  if (has === false) return
  const what = has ? 'has records' : 'may have records: its server does not say'
  throw new ContractError(
    'account-has-records',
    `${session.handle || session.did} ${what}. A run that writes also deactivates the account and activates it again`,
  )
}
