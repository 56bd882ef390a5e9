import type { Handler } from '../context.ts'

export const updateHandle: Handler<'com.atproto.identity.updateHandle'> = async ({ account, input }) => {
  await account.lifecycle.updateHandle(input.handle, { by: 'session' })
}
