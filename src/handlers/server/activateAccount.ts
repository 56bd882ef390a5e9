import type { Handler } from '../context.ts'

export const activateAccount: Handler<'com.atproto.server.activateAccount'> = async ({ account, auth }) => {
  await account.lifecycle.activate(auth.kind === 'session' ? auth.claims.sid : undefined)
}
