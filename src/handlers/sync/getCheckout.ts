import type { Handler } from '../context.ts'
import { exportReader } from './exportReader.ts'
import { requireOwnDid } from '../requireOwnRepo.ts'

/** Deprecated, and still called: what getRepo answers without `since`. */
export const getCheckout: Handler<'com.atproto.sync.getCheckout'> = ({ account, auth, network, params }) => {
  requireOwnDid(account, params.did)
  const { body } = account.exports.repo({ reader: exportReader(auth, network) })
  return { encoding: 'application/vnd.ipld.car', body }
}
