import type { Handler } from '../context.ts'
import { requireOwnDid } from '../requireOwnRepo.ts'

/** A CAR with the proof that the record exists, or that it does not. */
export const getRecord: Handler<'com.atproto.sync.getRecord'> = ({ account, params, error }) => {
  const { did, collection, rkey } = params
  requireOwnDid(account, did, error)
  const car = account.exports.record(collection, rkey)
  return { encoding: 'application/vnd.ipld.car', body: new Blob([car]).stream(), length: car.byteLength }
}
