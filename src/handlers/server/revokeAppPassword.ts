import type { Handler } from '../context.ts'

/** As the reference, it answers the same where there is none of this name. */
export const revokeAppPassword: Handler<'com.atproto.server.revokeAppPassword'> = ({
  account,
  auth,
  input,
}) => {
  account.appPasswords.revoke(input.name, auth.grants)
}
