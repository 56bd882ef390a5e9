import type { Handler } from '../context.ts'
import { sessionInfo } from './sessionInfo.ts'

export const refreshSession: Handler<'com.atproto.server.refreshSession'> = async ({ account, auth }) => {
  const info = await sessionInfo(account)
  return { ...(await account.sessions.refresh(auth.claims)), ...info }
}
