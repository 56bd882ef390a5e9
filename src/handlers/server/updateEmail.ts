import type { Handler } from '../context.ts'
import { emailIsConfigured } from './noMail.ts'

export const updateEmail: Handler<'com.atproto.server.updateEmail'> = ({ account }) => {
  throw emailIsConfigured(account.config.email)
}
