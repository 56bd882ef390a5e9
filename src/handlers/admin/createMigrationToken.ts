import type { Handler } from '../context.ts'

export const createMigrationToken: Handler<'com.cirrus.admin.createMigrationToken'> = async ({
  account,
  input,
}) => {
  const minted = await account.migration.mint(input)
  // The DID may move soon, and this server should notice.
  await account.chores.watchMove()
  return minted
}
