import type { Handler } from '../context.ts'
import { emailIsConfigured } from './noMail.ts'

export const confirmEmail: Handler<'com.atproto.server.confirmEmail'> = ({ account }) => {
  throw emailIsConfigured(account.config.email)
}
