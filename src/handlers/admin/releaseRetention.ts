import type { Handler } from '../context.ts'

export const releaseRetention: Handler<'com.cirrus.admin.releaseRetention'> = async ({ account, input }) => {
  account.lifecycle.releaseRetention(input.confirmHandle)
  return {}
}
