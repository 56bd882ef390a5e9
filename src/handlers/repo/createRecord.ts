import { isOwn, notHere } from '../../account/repo/ownRepo.ts'
import { prepareRecord, swapCid } from '../../account/repo/prepareRecord.ts'
import type { Handler } from '../context.ts'
import { written } from './written.ts'

export const createRecord: Handler<'com.atproto.repo.createRecord'> = async ({ account, input }) => {
  if (!isOwn(account, input.repo)) throw notHere(input.repo)
  account.rateLimits.write('create', 1)
  const prepared = prepareRecord({ ...input, action: 'create' }, account.nextKey)
  const done = await account.repo.commit([prepared.write], {
    swapCommit: swapCid('swapCommit', input.swapCommit),
  })
  return written(account, done, prepared)
}
