import { parseSwapCid } from '../../account/repo/commits/parseSwapCid.ts'
import type { Handler } from '../context.ts'
import { requireOwnRepo } from '../requireOwnRepo.ts'

export const deleteRecord: Handler<'com.atproto.repo.deleteRecord'> = async ({ account, input }) => {
  requireOwnRepo(account, input.repo)
  account.rateLimits.write('delete', 1)
  const { collection, rkey } = input
  const swap = parseSwapCid('swapRecord', input.swapRecord)
  const { commit } = await account.repo.commit(
    [{ action: 'delete', collection, rkey, swap, ifExists: true }],
    {
      swapCommit: parseSwapCid('swapCommit', input.swapCommit),
    },
  )
  return commit ? { commit: { cid: commit.cid.toString(), rev: commit.rev } } : {}
}
