import type { Handler } from '../context.ts'
import { passwordIsConfigured } from './noMail.ts'

export const requestPasswordReset: Handler<'com.atproto.server.requestPasswordReset'> = () => {
  throw passwordIsConfigured()
}
