import type { Handler } from '../context.ts'

export const cancelPull: Handler<'com.cirrus.admin.cancelPull'> = async ({ account }) => {
  account.pulls.cancel()
  await account.maintenance.wake(0)
}
