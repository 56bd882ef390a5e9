import { seenError } from './seen.ts'
import type { Rehearsal, RehearsedAccount } from './types.ts'

type Remove = (account: RehearsedAccount) => Promise<void>

/** Afterwards the DID names no server, so that nobody looks for the account. */
const emptyDid = async ({ directory, account }: Rehearsal): Promise<void> => {
  const { cid, data } = await directory.head(account.did)
  if (!data) return
  const { rotationKey } = account
  const { verificationMethods } = data
  const operation = await rotationKey.signOperation({
    type: 'plc_operation',
    ...{ rotationKeys: [rotationKey.did], verificationMethods, alsoKnownAs: [], services: {} },
    prev: cid,
  })
  await directory.submit(account.did, operation)
}

/** Why a call failed; undefined if it worked. */
const failureOf = async (call: Promise<unknown>): Promise<string | undefined> => {
  try {
    await call
    return undefined
  } catch (cause) {
    return seenError(cause)
  }
}

/** Whether the account was removed; if not, and somebody has tried, why. */
const remove = async (
  { session, account: { did }, newAccount: { handle, password }, owner }: Rehearsal,
  removeAccount: Remove | undefined,
): Promise<{ isRemoved: boolean; why: string }> => {
  const current = owner.session ?? session
  if (!removeAccount || !current) return { isRemoved: false, why: '' }
  const failure = await failureOf(removeAccount({ did, handle, password, session: current }))
  return { isRemoved: failure === undefined, why: failure === undefined ? '' : `not deleted (${failure}), ` }
}

/** Undoes what can be undone; returns what is left, in sentences. */
export const cleanUp = async (rehearsal: Rehearsal, removeAccount?: Remove): Promise<string[]> => {
  const { session, account, newAccount, origin, deps } = rehearsal
  const left: string[] = []
  const { isRemoved, why } = session ? await remove(rehearsal, removeAccount) : { isRemoved: false, why: '' }
  if (session && !isRemoved) {
    const failure = await failureOf(rehearsal.owner.com.atproto.server.deactivateAccount({}))
    await failureOf(rehearsal.owner.logout())
    const state = failure === undefined ? 'deactivated' : `perhaps active (${failure})`
    left.push(
      `the account ${newAccount.handle} (${account.did}) at ${origin}, ${why}${state}; its administrator can delete it`,
    )
  }
  const failure = await failureOf(emptyDid(rehearsal))
  if (isRemoved && failure === undefined) return left
  const state = failure === undefined ? 'which names no server any more' : `as it is (${failure})`
  left.push(`${account.did} in the directory ${deps.directoryUrl}, ${state}; its keys are gone`)
  return left
}
