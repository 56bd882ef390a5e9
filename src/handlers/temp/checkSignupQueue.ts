import type { Handler } from '../context.ts'

/** Nobody queues for a server of one account. */
export const checkSignupQueue: Handler<'com.atproto.temp.checkSignupQueue'> = () => ({ activated: true })
