import type { Handler } from '../context.ts'

export const updateHandle: Handler<'com.atproto.identity.updateHandle'> = async ({
  account,
  auth,
  input,
}) => {
  const by = auth.kind === 'grant' ? (`grant ${auth.claims.grant}` as const) : 'session'
  await account.lifecycle.updateHandle(input.handle, { by })
}
