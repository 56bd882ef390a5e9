import type { Handler } from '../context.ts'
import { sessionInfo } from './sessionInfo.ts'

/** An app learns the address only where the owner has agreed. */
export const getSession: Handler<'com.atproto.server.getSession'> = async ({ account, auth }) => {
  const { email, emailConfirmed, ...info } = await sessionInfo(account)
  const mayRead =
    auth.kind !== 'grant' || auth.permissions.allows({ resource: 'account', attr: 'email', action: 'read' })
  return mayRead ? { ...info, ...(email !== undefined && { email }), emailConfirmed } : info
}
