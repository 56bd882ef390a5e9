import type { Handler } from '../context.ts'

export const getReach: Handler<'com.cirrus.admin.getReach'> = async ({ account }) => {
  const [relays, appView, bucketError] = await Promise.all([
    account.relays.statuses(),
    account.appViewReach(),
    account.blobs.bucketError(),
  ])
  const latest = account.sequencer.latest()
  return {
    relays: relays.map(({ seq, ...said }) => ({
      ...said,
      ...(seq !== undefined && { behind: Math.max(0, latest - seq) }),
    })),
    ...(appView && { appView }),
    ...(bucketError !== undefined && { bucketError }),
  }
}
