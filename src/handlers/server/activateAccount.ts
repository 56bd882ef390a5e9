import type { Handler } from '../context.ts'

export const activateAccount: Handler<'com.atproto.server.activateAccount'> = async ({ account }) => {
  await account.lifecycle.activate()
}
