import type { Handler } from '../context.ts'
import { emailIsConfigured } from './noMail.ts'

export const requestEmailUpdate: Handler<'com.atproto.server.requestEmailUpdate'> = ({ account }) => {
  throw emailIsConfigured(account.config.email)
}
