import type { Handler } from '../context.ts'
import { requireOwnDid } from '../requireOwnRepo.ts'

export const listBlobs: Handler<'com.atproto.sync.listBlobs'> = ({ account, params, error }) => {
  const { did, ...page } = params
  requireOwnDid(account, did, error)
  return account.blobs.listReferenced(page)
}
