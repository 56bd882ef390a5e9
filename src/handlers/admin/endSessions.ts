import type { Handler } from '../context.ts'

export const endSessions: Handler<'com.cirrus.admin.endSessions'> = ({ account, input, error }) => {
  const { id, all = false } = input
  if ((id !== undefined) === all)
    throw error('InvalidRequest', 'expected either `id`, a session that listSessions names, or `all`: true')
  if (id === undefined) {
    const { sessions, grants, browsers } = account.sessions.endAll('admin')
    return { ended: sessions, grants, browsers }
  }
  if (!account.sessions.end(id))
    throw error(
      'SessionNotFound',
      `no session has the id ${JSON.stringify(id)}: it may have ended already; listSessions names those that there are`,
    )
  return { ended: 1 }
}
