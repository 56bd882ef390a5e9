import type { Handler } from '../context.ts'

export const addRecoveryKey: Handler<'com.cirrus.admin.addRecoveryKey'> = async ({ account, input }) => {
  const { key, preview, operation: expected } = input
  const { rotationKeys, planned } = await account.lifecycle.addRecoveryKey(key, { preview, expected })
  const { id, operation, changes = [] } = planned ?? {}
  return { rotationKeys, changes, ...(operation && { id, operation: { ...operation } }) }
}
