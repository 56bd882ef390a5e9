import type { Handler } from '../context.ts'

export const deactivateAccount: Handler<'com.atproto.server.deactivateAccount'> = async ({
  account,
  auth,
  input,
}) => {
  await account.lifecycle.deactivate({ ...input, byToken: auth.kind === 'token' })
}
