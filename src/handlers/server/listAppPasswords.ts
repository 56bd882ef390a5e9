import type { Handler } from '../context.ts'
import { isoTime } from '../isoTime.ts'

export const listAppPasswords: Handler<'com.atproto.server.listAppPasswords'> = ({ account }) => ({
  passwords: account.appPasswords.list().map(({ createdAt, ...rest }) => ({
    ...rest,
    createdAt: isoTime(createdAt),
  })),
})
