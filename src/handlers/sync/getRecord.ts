import type { Handler } from '../context.ts'

/** A proof: of the record, or of its absence. */
export const getRecord: Handler<'com.atproto.sync.getRecord'> = ({ account, params, error }) => {
  const { did, collection, rkey } = params
  if (did !== account.did) throw error('RepoNotFound', `Could not find repo for DID: ${did}`)
  const car = account.exports.record(collection, rkey)
  return { encoding: 'application/vnd.ipld.car', body: new Blob([car]).stream(), length: car.byteLength }
}
