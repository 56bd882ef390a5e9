import type { Handler } from '../context.ts'

export const checkMigration: Handler<'com.cirrus.admin.checkMigration'> = ({ account, params }) =>
  account.checkMigration(params)
