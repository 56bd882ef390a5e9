import type { Handler } from '../context.ts'

export const updateHandle: Handler<'com.cirrus.admin.updateHandle'> = async ({ account, input }) => {
  const { preview, operation: expected } = input
  const { handle, previous, planned } = await account.lifecycle.updateHandle(input.handle, {
    by: 'admin',
    preview,
    expected,
  })
  const { id, operation, changes = [] } = planned ?? {}
  return {
    handle,
    previous,
    changes,
    ...(operation && { id, operation: { ...operation } }),
  }
}
