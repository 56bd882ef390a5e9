import type { Handler } from '../context.ts'

/** Hands the socket on, with what there is after the cursor; the firehose sends what comes. */
export const subscribeRepos: Handler<'com.atproto.sync.subscribeRepos'> = ({ account, params, socket }) =>
  account.firehose.subscribe(socket, params.cursor)
