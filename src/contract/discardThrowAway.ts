import { deleteByMail, requestDeletion } from './areas/deletion/deleteByMail.ts'
import { postAsOwner } from './areas/asOwner.ts'
import { inWords, type Asking } from './ask.ts'
import type { Cleanup } from './cleanup.ts'
import type { MadeAccount, Run } from './types.ts'

type Deps = Pick<Run, 'mailedCode' | 'hide' | 'deps'> & { readonly ask: Asking; readonly cleanup: Cleanup }

/** Why the account could not be deleted; undefined once it is. */
async function deletionProblem(deps: Deps, account: MadeAccount): Promise<string | undefined> {
  if (account.notDeleted !== undefined) return account.notDeleted
  const mailedAt = deps.deps.now()
  try {
    const asked = await requestDeletion(deps.ask, account)
    if (asked.status !== 200) return inWords(asked)
    const answer = await deleteByMail(deps, deps.ask, account, mailedAt)
    return answer.status === 200 ? undefined : inWords(answer)
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

const deactivate = async ({ ask }: Deps, { session }: MadeAccount): Promise<string> => {
  const { status } = await ask('com.atproto.server.deactivateAccount', postAsOwner(session, {}))
  return status === 200 ? 'deactivated' : `perhaps active (${status})`
}

/**
 * Registers how an account that the run has made is removed: deleted, where somebody reads the mail of its server; else it
 * is deactivated, and said to stay. Where the run has deleted it already, nothing is left to do.
 */
export function discardAtEnd(deps: Deps, account: MadeAccount): void {
  const { cleanup, mailedCode } = deps
  const { handle, did } = account.session
  if (!mailedCode) {
    cleanup.made('the active state of the throw-away account', async () => {
      const state = await deactivate(deps, account)
      cleanup.stays(`the account ${handle} (${did}), ${state}: its administrator can delete it`)
    })
    return
  }
  cleanup.made(`the account ${handle}, of which only the DID stays in the directory (${did})`, async () => {
    const problem = await deletionProblem(deps, account)
    if (problem === undefined) return cleanup.gone()
    throw new Error(
      `not deleted (${problem}), ${await deactivate(deps, account)}: its administrator can delete it`,
    )
  })
}
