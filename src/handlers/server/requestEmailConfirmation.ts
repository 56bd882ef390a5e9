import type { Handler } from '../context.ts'
import { emailIsConfigured } from './noMail.ts'

export const requestEmailConfirmation: Handler<'com.atproto.server.requestEmailConfirmation'> = ({
  account,
}) => {
  throw emailIsConfigured(account.config.email)
}
