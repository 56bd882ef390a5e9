import type { Handler } from '../context.ts'

export const createMigrationToken: Handler<'com.cirrus.admin.createMigrationToken'> = ({ account, input }) =>
  account.migrationTokens.mint(input)
