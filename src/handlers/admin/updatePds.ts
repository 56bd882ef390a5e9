import type { Handler } from '../context.ts'

export const updatePds: Handler<'com.cirrus.admin.updatePds'> = async ({ account, input }) => {
  const { preview, operation: expected } = input
  const { pds, previous, planned } = await account.lifecycle.updatePds({ preview, expected })
  const { id, operation, changes = [] } = planned ?? {}
  return {
    pds,
    ...(previous !== undefined && { previous }),
    changes,
    ...(operation && { id, operation: { ...operation } }),
  }
}
