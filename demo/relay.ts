/** What a relay sees: a subscriber of a server's firehose, whose events are told as they arrive. */
import { decodeAll } from '@atproto/lex-cbor'
import type { Tell } from './narrator.ts'

interface Event {
  readonly type: string
  readonly body: Readonly<Record<string, unknown>>
}

export interface Relay {
  /** Waits until events of these types have arrived, in this order, and tells all that have come since the last time. */
  tell(tell: Tell, ...types: string[]): Promise<void>
  close(): Promise<void>
}

const PATIENCE = 20_000

/** Subscribes, from the beginning if there is a cursor of 0. */
export const follow = async (name: string, url: string, cursor?: 0): Promise<Relay> => {
  const query = cursor === undefined ? '' : `?cursor=${cursor}`
  const socket = new WebSocket(`${url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos${query}`)
  socket.binaryType = 'arraybuffer'
  let events: Event[] = []
  let arrived = () => {}
  socket.addEventListener('message', ({ data }: { data: ArrayBuffer }) => {
    events.push(read(new Uint8Array(data)))
    arrived()
  })
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', () =>
      reject(new Error(`the firehose of ${url} cannot be subscribed to`)),
    )
  })
  const isThere = (types: readonly string[]): boolean => {
    let next = 0
    for (const { type } of events) if (type === types[next]) next++
    return next === types.length
  }
  return {
    tell: async (tell, ...types) => {
      const late = AbortSignal.timeout(PATIENCE)
      while (!isThere(types)) {
        if (late.aborted) throw new Error(`the relay still waits for ${types.join(', ')} from ${url}`)
        await new Promise<void>((resolve) => {
          arrived = resolve
          setTimeout(resolve, 100)
        })
      }
      for (const line of lines(events)) tell(`⇠ ${name} ${line}`)
      events = []
    },
    close: async () => socket.close(),
  }
}

const read = (frame: Uint8Array): Event => {
  const [header, body] = [...decodeAll(frame)]
  return { type: String(Object(header).t ?? '#error'), body: Object(body) }
}

/** One line for each event; commits that follow one another are one. */
function* lines(events: readonly Event[]): Generator<string> {
  for (let i = 0; i < events.length; i++) {
    const event = events[i]
    if (!event) return
    const end = events.slice(i).findIndex(({ type }) => type !== '#commit')
    const run = end < 0 ? events.length - i : end
    const commits = events.slice(i, i + run)
    const ops = commits.reduce((sum, { body }) => sum + list(body.ops).length, 0)
    if (ops > 2) {
      const many = run === 1 ? '' : `${run} of them, `
      yield `${'#commit'.padEnd(10)} ${many}${ops} operations, up to ${String(commits.at(-1)?.body.rev)}`
      i += run - 1
    } else yield `${event.type.padEnd(10)} ${about(event)}`
  }
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

const about = ({ type, body }: Event): string => {
  switch (type) {
    case '#commit':
      return list(body.ops)
        .map((op) => `${Object(op).action} ${Object(op).path}`)
        .join(', ')
    case '#identity':
      return `${String(body.handle ?? body.did)}: look it up again`
    case '#account':
      return body.active === true ? 'active' : `not active: ${String(body.status)}`
    case '#sync':
      return `the repository stands at ${String(body.rev)}`
    default:
      return String(body.error ?? body.name ?? '')
  }
}
