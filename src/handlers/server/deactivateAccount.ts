import type { Handler } from '../context.ts'

export const deactivateAccount: Handler<'com.atproto.server.deactivateAccount'> = async ({
  account,
  auth,
  input,
}) => {
  const by =
    auth.kind === 'grant'
      ? (`grant ${auth.claims.grant}` as const)
      : auth.kind === 'token'
        ? 'token'
        : 'owner'
  await account.lifecycle.deactivate({ ...input, by })
}
