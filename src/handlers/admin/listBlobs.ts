import type { Handler } from '../context.ts'

export const listBlobs: Handler<'com.cirrus.admin.listBlobs'> = ({ account, params }) => {
  account.repo.requireHead() // Throws RepoNotFound if there is no repository.
  return account.blobs.listStored(params)
}
