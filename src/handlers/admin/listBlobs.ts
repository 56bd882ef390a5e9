import type { Handler } from '../context.ts'

export const listBlobs: Handler<'com.cirrus.admin.listBlobs'> = ({ account, params }) => {
  account.repo.load()
  return account.blobs.listStored(params)
}
