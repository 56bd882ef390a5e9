import type { Handler } from '../context.ts'

export const rotateSigningKey: Handler<'com.cirrus.admin.rotateSigningKey'> = async ({ account, input }) => {
  const { preview, operation: expected } = input
  const { signingKey, previous, planned } = await account.lifecycle.rotateKey({ preview, expected })
  const { id, operation, changes = [] } = planned ?? {}
  return { signingKey, previous, changes, ...(operation && { id, operation: { ...operation } }) }
}
