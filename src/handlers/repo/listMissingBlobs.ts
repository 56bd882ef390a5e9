import type { Handler } from '../context.ts'

export const listMissingBlobs: Handler<'com.atproto.repo.listMissingBlobs'> = ({ account, params }) =>
  account.blobs.listMissing(params)
