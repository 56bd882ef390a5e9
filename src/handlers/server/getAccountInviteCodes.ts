import type { Handler } from '../context.ts'

/** Nobody is invited to a server of one account. */
export const getAccountInviteCodes: Handler<'com.atproto.server.getAccountInviteCodes'> = () => ({
  codes: [],
})
