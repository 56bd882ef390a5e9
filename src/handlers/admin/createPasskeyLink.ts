import { PasskeyError } from '../../account/oauth/passkeys/passkeyError.ts'
import type { Handler } from '../context.ts'
import { isoTime } from '../isoTime.ts'

export const createPasskeyLink: Handler<'com.cirrus.admin.createPasskeyLink'> = ({ account, error }) => {
  try {
    const { url, expiresAt } = account.oauth.passkeys.createLink()
    return { url, expiresAt: isoTime(expiresAt) }
  } catch (cause) {
    if (!(cause instanceof PasskeyError)) throw cause
    throw error(cause.code === 'NoHostName' ? 'PasskeysUnavailable' : 'TooManyPasskeys', cause.message)
  }
}
