import type { Handler } from '../context.ts'

export const endSessions: Handler<'com.cirrus.admin.endSessions'> = ({ account, input, error }) => {
  const { id, all = false } = input
  if ((id !== undefined) === all)
    throw error('InvalidRequest', 'expected either `id`, a session that listSessions names, or `all`: true')
  if (id === undefined) {
    const { sessions, grants, browsers } = account.sessions.endAll('admin')
    return { ended: sessions, grants, browsers }
  }
  if (account.sessions.end(id)) return { ended: 1 }
  if (account.oauth.browserSignIns.end(id)) return { ended: 0, browsers: 1 }
  throw error(
    'SessionNotFound',
    `no session and no browser has the id ${JSON.stringify(id)}: it may have ended already`,
  )
}
