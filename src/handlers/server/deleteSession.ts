import type { Handler } from '../context.ts'

export const deleteSession: Handler<'com.atproto.server.deleteSession'> = ({ account, auth }) => {
  account.sessions.delete(auth.claims)
}
