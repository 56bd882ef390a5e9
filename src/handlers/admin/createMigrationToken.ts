import type { Handler } from '../context.ts'

export const createMigrationToken: Handler<'com.cirrus.admin.createMigrationToken'> = async ({
  account,
  input,
}) => {
  const minted = await account.migrationTokens.mint(input)
  // The DID may move soon, and this server should notice.
  await account.maintenance.watchMove()
  return minted
}
