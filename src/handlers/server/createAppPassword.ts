import type { Handler } from '../context.ts'
import { isoTime } from '../isoTime.ts'

export const createAppPassword: Handler<'com.atproto.server.createAppPassword'> = ({
  account,
  auth,
  input,
}) => {
  const { name, privileged = false } = input
  const made = account.appPasswords.create({ name, privileged, by: auth.grants })
  return { ...made, createdAt: isoTime(made.createdAt) }
}
