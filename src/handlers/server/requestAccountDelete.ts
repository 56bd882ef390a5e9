import type { Handler } from '../context.ts'
import { noMail } from './noMail.ts'

/** An account is deleted by its administrator only: a session and a code are not enough for what cannot be undone. */
export const requestAccountDelete: Handler<'com.atproto.server.requestAccountDelete'> = () => {
  throw noMail('the owner deletes the account with `pds delete-account`')
}
