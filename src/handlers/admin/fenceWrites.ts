import type { Handler } from '../context.ts'
import { isoTime } from '../isoTime.ts'

export const fenceWrites: Handler<'com.cirrus.admin.fenceWrites'> = async ({ account, auth, input }) => {
  const until = account.lifecycle.fenceWrites({
    minutes: input.minutes,
    atMost: auth.kind === 'token' ? auth.claims.exp * 1000 : undefined,
  })
  return until === undefined ? {} : { until: isoTime(until) }
}
