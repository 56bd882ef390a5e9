import type { Handler } from '../context.ts'

/** Hands the socket to the firehose, which sends the events after the cursor, and then new ones as they happen. */
export const subscribeRepos: Handler<'com.atproto.sync.subscribeRepos'> = ({
  account,
  params,
  socket,
  network,
}) => account.firehose.subscribe(socket, params.cursor, network)
