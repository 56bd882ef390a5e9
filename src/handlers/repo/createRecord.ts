import { prepareRecord } from '../../account/repo/commits/prepareRecord.ts'
import { parseSwapCid } from '../../account/repo/commits/parseSwapCid.ts'
import type { Handler } from '../context.ts'
import { requireOwnRepo } from '../requireOwnRepo.ts'
import { recordAnswer } from './recordAnswer.ts'

export const createRecord: Handler<'com.atproto.repo.createRecord'> = async ({ account, input }) => {
  requireOwnRepo(account, input.repo)
  account.rateLimits.write('create', 1)
  const prepared = prepareRecord({ ...input, action: 'create' }, account.nextRecordKey)
  const done = await account.repo.commit([prepared.write], {
    swapCommit: parseSwapCid('swapCommit', input.swapCommit),
  })
  return recordAnswer(account, done, prepared)
}
