import { type RepoEvent, subscribeRepos } from '../src/client/subscribe.ts'
import { explain, type Tell } from './narrator.ts'

type Type = 'account' | 'commit' | 'identity' | 'sync'

/**
 * What a relay sees: a subscriber of a server's firehose that uses the published client and shows the events as they
 * arrive.
 */
export interface Relay {
  /** Waits until events of these types have arrived in this order, and shows all that arrived since the last call. */
  tell(tell: Tell, ...types: Type[]): Promise<void>
  close(): Promise<void>
}

/** Far more time than a slow or busy machine needs. */
const EVENT_TIMEOUT_MS = 120_000

const typeOf = (event: RepoEvent): string => event.$type.replace(/^.*#/, '')

/** Subscribes from the server's first event on. */
export const follow = (name: string, url: string): Relay => {
  const ending = new AbortController()
  let events: RepoEvent[] = []
  let arrived = () => {}
  let failed: unknown
  const following = (async () => {
    for await (const event of subscribeRepos(url, { cursor: 0, signal: ending.signal })) {
      events.push(event)
      arrived()
    }
  })().catch((cause: unknown) => (failed = cause))
  const isThere = (types: readonly Type[]): boolean => {
    let next = 0
    for (const event of events) if (typeOf(event) === types[next]) next++
    return next === types.length
  }
  return {
    tell: async (tell, ...types) => {
      const late = AbortSignal.timeout(EVENT_TIMEOUT_MS)
      while (!isThere(types)) {
        if (failed) throw new Error(`the firehose of ${url} broke off: ${explain(failed)}`)
        if (late.aborted) throw new Error(`the relay still waits for ${types.join(', ')} from ${url}`)
        await new Promise<void>((resolve) => {
          arrived = resolve
          setTimeout(resolve, 100)
        })
      }
      for (const line of lines(events)) tell(`⇠ ${name} ${line}`)
      events = []
    },
    close: async () => {
      ending.abort()
      await following
    },
  }
}

const line = (type: string, text: string): string => `${`#${type}`.padEnd(10)} ${text}`

/** One line for each event; consecutive commits share one. */
function* lines(events: readonly RepoEvent[]): Generator<string> {
  let commits = 0
  let ops: string[] = []
  let rev = ''
  const committed = function* () {
    const many = commits > 1 ? `${commits} of them, ` : ''
    const what = ops.length > 2 ? `${many}${ops.length} operations, up to ${rev}` : ops.join(', ')
    if (commits > 0) yield line('commit', what)
    commits = 0
    ops = []
  }
  for (const event of events) {
    if (event.$type === 'com.atproto.sync.subscribeRepos#commit') {
      commits++
      ops.push(...event.ops.map(({ action, path }) => `${action} ${path}`))
      rev = event.rev
      continue
    }
    yield* committed()
    yield line(typeOf(event), about(event))
  }
  yield* committed()
}

const about = (event: RepoEvent): string => {
  switch (event.$type) {
    case 'com.atproto.sync.subscribeRepos#identity':
      return `${event.handle ?? event.did}: look it up again`
    case 'com.atproto.sync.subscribeRepos#account':
      return event.active ? 'active' : `not active: ${event.status}`
    case 'com.atproto.sync.subscribeRepos#sync':
      return `the repository stands at ${event.rev}`
    default:
      return ''
  }
}
