import type { Handler } from '../context.ts'

export const endGrants: Handler<'com.cirrus.admin.endGrants'> = ({ account, input, error }) => {
  const { grants } = account.oauth
  const { id, all = false } = input
  if ((id !== undefined) === all)
    throw error('InvalidRequest', 'expected either `id`, a grant that listGrants names, or `all`: true')
  if (id === undefined) return { ended: grants.endAll('admin') }
  if (!grants.end(id))
    throw error('GrantNotFound', `no grant has the id ${JSON.stringify(id)}: it may have ended already`)
  return { ended: 1 }
}
