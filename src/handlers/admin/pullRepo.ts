import { OutboundError, checkUrl } from '../../outbound.ts'
import type { Handler } from '../context.ts'
import { pullAnswer } from './pullAnswer.ts'

export const pullRepo: Handler<'com.cirrus.admin.pullRepo'> = async ({ account, input, error }) => {
  const { config, pulls, lifecycle, maintenance } = account
  const { source, token } = input
  const origin = originOf(source, config.dev, (message) => error('InvalidRequest', `source: ${message}`))
  if (origin === config.origin)
    throw error('InvalidRequest', `source: ${origin} is this server: name the one that has the repository`)
  lifecycle.assertNotRetained()
  const pull = pulls.start(origin, token)
  if (!pull)
    throw error(
      'PullInProgress',
      `another repository comes in, from ${pulls.latest?.source}: com.cirrus.admin.cancelPull ends that`,
    )
  await maintenance.wake(0)
  return { pull: pullAnswer(pull) }
}

/** The origin of the source, which must be an address that this server may ask. */
const originOf = (source: string, dev: boolean, refuse: (message: string) => Error): string => {
  try {
    const url = checkUrl(source, { dev })
    if (url.href !== `${url.origin}/`) throw refuse(`${JSON.stringify(source)} is not the origin of a server`)
    return url.origin
  } catch (cause) {
    throw cause instanceof OutboundError ? refuse(cause.message) : cause
  }
}
