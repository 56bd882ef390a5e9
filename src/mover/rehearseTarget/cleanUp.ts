import { seenError } from './seen.ts'
import type { Rehearsal } from './types.ts'

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

/** Undoes what can be undone; returns what is left, in sentences. */
export const cleanUp = async (rehearsal: Rehearsal): Promise<string[]> => {
  const { session, account, newAccount, origin, deps } = rehearsal
  const left: string[] = []
  if (session) {
    const failure = await failureOf(rehearsal.owner.com.atproto.server.deactivateAccount({}))
    await failureOf(rehearsal.owner.logout())
    const state = failure === undefined ? 'deactivated' : `perhaps active (${failure})`
    left.push(
      `the account ${newAccount.handle} (${account.did}) at ${origin}, ${state}; its administrator can delete it`,
    )
  }
  const failure = await failureOf(emptyDid(rehearsal))
  const state = failure === undefined ? 'which names no server any more' : `as it is (${failure})`
  left.push(`${account.did} in the directory ${deps.directoryUrl}, ${state}; its keys are gone`)
  return left
}
