import { PasskeyError } from '../../account/oauth/passkeys/passkeyError.ts'
import type { Handler } from '../context.ts'

export const setPasswordSignIn: Handler<'com.cirrus.admin.setPasswordSignIn'> = ({
  account,
  input,
  error,
}) => {
  try {
    account.oauth.passkeys.setPasswordEnabled(input.enabled, 'admin')
    return { enabled: input.enabled }
  } catch (cause) {
    if (!(cause instanceof PasskeyError)) throw cause
    throw error('NoPasskey', cause.message)
  }
}
