import type { Handler } from '../context.ts'

export const revokeMigrationTokens: Handler<'com.cirrus.admin.revokeMigrationTokens'> = ({ account }) => ({
  tokensNotBefore: new Date(account.migrationTokens.revoke()).toISOString(),
})
