import { isOwn, notHere } from '../../account/repo/ownRepo.ts'
import { prepareRecord, swapCid } from '../../account/repo/prepareRecord.ts'
import type { Handler } from '../context.ts'
import { written } from './written.ts'

export const putRecord: Handler<'com.atproto.repo.putRecord'> = async ({ account, input }) => {
  if (!isOwn(account, input.repo)) throw notHere(input.repo)
  account.rateLimits.write('update', 1)
  const prepared = prepareRecord({ ...input, action: 'put' }, account.nextKey)
  const swap = swapCid('swapRecord', input.swapRecord)
  const done = await account.repo.commit([{ ...prepared.write, swap }], {
    swapCommit: swapCid('swapCommit', input.swapCommit),
  })
  return written(account, done, prepared)
}
