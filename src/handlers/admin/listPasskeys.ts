import type { Handler } from '../context.ts'
import { isoTime } from '../isoTime.ts'

export const listPasskeys: Handler<'com.cirrus.admin.listPasskeys'> = ({ account }) => ({
  passkeys: account.oauth.passkeys.list().map(({ id, name, backup, createdAt, lastUsedAt }) => ({
    id,
    name,
    ...(backup !== undefined && { backup }),
    createdAt: isoTime(createdAt),
    ...(lastUsedAt !== undefined && { lastUsedAt: isoTime(lastUsedAt) }),
  })),
  passwordSignIn: account.oauth.passkeys.isPasswordEnabled(),
})
