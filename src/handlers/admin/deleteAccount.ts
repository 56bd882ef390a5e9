import type { Handler } from '../context.ts'

export const deleteAccount: Handler<'com.cirrus.admin.deleteAccount'> = async ({ account, input, error }) => {
  if (input.did !== account.did)
    throw error(
      'InvalidRequest',
      `did: expected ${account.did}, the account of this server, got ${input.did}`,
    )
  return { erased: await account.lifecycle.delete(input.confirmHandle) }
}
