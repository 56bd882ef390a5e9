import type { RepoEvent } from '../../client/subscribe.ts'
import { seenError } from './seen.ts'
import type { RehearsalDeps } from './types.ts'

/** Collects the events of one account from now on, until it is stopped. */
export const followEvents = (deps: RehearsalDeps, origin: string, did: string) => {
  const stop = new AbortController()
  const events: RepoEvent[] = []
  let problem: string | undefined
  const done = (async () => {
    try {
      const signal = AbortSignal.any([stop.signal, deps.signal])
      for await (const event of deps.events(origin, signal))
        if (('did' in event ? event.did : event.repo) === did) events.push(event)
    } catch (cause) {
      problem = `the stream ended: ${seenError(cause)}`
    }
  })()
  return {
    events,
    problem: () => problem,
    stop: async () => {
      stop.abort()
      await done
    },
  }
}
