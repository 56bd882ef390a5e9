import type { Handler } from '../context.ts'
import { passwordIsConfigured } from './noMail.ts'

export const resetPassword: Handler<'com.atproto.server.resetPassword'> = () => {
  throw passwordIsConfigured()
}
