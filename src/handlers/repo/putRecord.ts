import { prepareRecord } from '../../account/repo/commits/prepareRecord.ts'
import { parseSwapCid } from '../../account/repo/commits/parseSwapCid.ts'
import type { Handler } from '../context.ts'
import { requireOwnRepo } from '../requireOwnRepo.ts'
import { recordAnswer } from './recordAnswer.ts'

export const putRecord: Handler<'com.atproto.repo.putRecord'> = async ({ account, input }) => {
  requireOwnRepo(account, input.repo)
  account.rateLimits.write('update', 1)
  const prepared = prepareRecord({ ...input, action: 'put' }, account.nextRecordKey)
  const swap = parseSwapCid('swapRecord', input.swapRecord)
  const done = await account.repo.commit([{ ...prepared.write, swap }], {
    swapCommit: parseSwapCid('swapCommit', input.swapCommit),
  })
  return recordAnswer(account, done, prepared)
}
