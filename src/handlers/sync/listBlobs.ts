import type { Handler } from '../context.ts'

export const listBlobs: Handler<'com.atproto.sync.listBlobs'> = ({ account, params, error }) => {
  const { did, ...page } = params
  if (did !== account.did) throw error('RepoNotFound', `Could not find repo for DID: ${did}`)
  return account.blobs.list(page)
}
