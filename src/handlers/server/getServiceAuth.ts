import type { Handler } from '../context.ts'

export const getServiceAuth: Handler<'com.atproto.server.getServiceAuth'> = async ({
  account,
  auth,
  params,
}) => ({
  token: await account.serviceAuth.sign(params, auth),
})
