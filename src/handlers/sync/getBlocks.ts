import { parseCid } from '@atproto/lex-data'
import type { Handler } from '../context.ts'
import { exportReader } from './exportReader.ts'
import { requireOwnDid } from '../requireOwnRepo.ts'

export const getBlocks: Handler<'com.atproto.sync.getBlocks'> = ({
  account,
  auth,
  network,
  params,
  error,
}) => {
  requireOwnDid(account, params.did, error)
  const cids = params.cids.map((cid) => parseCid(cid))
  const missing = account.exports.missing(cids)
  if (missing.length > 0) throw error('BlockNotFound', `Could not find cids: ${missing.join(', ')}`)
  return {
    encoding: 'application/vnd.ipld.car',
    body: account.exports.blocks(cids, exportReader(auth, network)),
  }
}
