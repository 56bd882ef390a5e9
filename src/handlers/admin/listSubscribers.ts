import type { Handler } from '../context.ts'

export const listSubscribers: Handler<'com.cirrus.admin.listSubscribers'> = ({ account }) => {
  const { sequencer, firehose } = account
  const oldest = sequencer.oldest()
  const latest = sequencer.latest()
  return {
    ...(oldest !== undefined && { oldest }),
    latest,
    subscribers: firehose.subscribers.map(({ cursor, waiting }) => ({
      cursor,
      // From the oldest event on, sequence numbers have no gaps.
      behind: latest - cursor,
      waiting,
    })),
  }
}
