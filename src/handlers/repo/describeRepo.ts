import type { Handler } from '../context.ts'
import { requireOwnRepo } from '../requireOwnRepo.ts'

export const describeRepo: Handler<'com.atproto.repo.describeRepo'> = async ({ account, params }) => {
  requireOwnRepo(account, params.repo)
  const observation = await account.identityWatch.glance({ casual: true })
  // Both ways: the DID names the handle, and the handle leads to the DID.
  const handleIsCorrect =
    observation?.handle === account.handle && (await account.handleCheck.resolves(account.handle))
  return {
    handle: account.handle,
    did: account.did,
    // The lexicon requires it. If the directory is down, it has at least the DID.
    didDoc: observation?.document ?? { id: account.did },
    collections: account.records.collections(),
    handleIsCorrect,
  }
}
