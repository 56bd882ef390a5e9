import type { Handler } from '../context.ts'

export const emitIdentity: Handler<'com.cirrus.admin.emitIdentity'> = async ({ account, error }) => {
  if (account.state() === 'absent') throw error('RepoNotFound', 'there is no account here yet')
  return { did: account.did, ...(await account.lifecycle.emitIdentity()) }
}
