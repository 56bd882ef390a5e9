import type { Handler } from '../context.ts'

export const listSubscribers: Handler<'com.cirrus.admin.listSubscribers'> = ({ account }) => {
  const { sequencer, firehose } = account
  const oldest = sequencer.oldest()
  const latest = sequencer.latest()
  return {
    ...(oldest !== undefined && { oldest }),
    latest,
    // Numbers are dense from the oldest on.
    subscribers: firehose.subscribers.map(({ cursor, waiting }) => ({
      cursor,
      behind: latest - cursor,
      waiting,
    })),
  }
}
