/** What is written for the event stream, as each server's own subscriber saw it: what the measurements go by. */
import type { RepoEvent } from '../src/client/subscribe.ts'
import { readFrame } from '../src/client/subscribe/frame.ts'
import { call, json } from './http.ts'
import type { Stand } from './row.ts'
import type { Server } from './servers.ts'
import { follow, type Follower } from './socket.ts'
import { expect } from './verify.ts'

/** Events that are replayed. */
const EVENTS = 2000

/** What was written, and how it came out of the stream. */
export interface Log {
  readonly live: Follower
  readonly revs: string[]
  /** The last event before them. */
  readonly cursor: number
}

export const post = async ({ url, did, token }: Server, text: string): Promise<string> => {
  const record = { $type: 'app.bsky.feed.post', text, langs: ['en'], createdAt: new Date().toISOString() }
  const body = { repo: did, collection: 'app.bsky.feed.post', record }
  const { commit } = json(await call(url, 'com.atproto.repo.createRecord', { body, token }))
  return String(Reflect.get(Object(commit), 'rev'))
}

const eventOf = (frame: Uint8Array | undefined): RepoEvent | undefined => frame && readFrame(frame).event

/** Checks that these are the commits of these writes, in this order, and nothing else. */
export const check = (server: Server, frames: readonly Uint8Array[], revs: readonly string[]): void => {
  expect(server, 'events', frames.length, revs.length)
  let last = 0
  for (const [n, frame] of frames.entries()) {
    const event = eventOf(frame)
    const rev = event && 'ops' in event && event.ops.length === 1 ? event.rev : event?.$type
    expect(server, `event ${n}`, rev, revs[n])
    expect(server, `the number of event ${n} above ${last}`, Number(event?.seq) > last, true)
    last = Number(event?.seq)
  }
}

/** Events of earlier writes may still arrive, so the log begins after an event that is known. */
export const begin = async (server: Server): Promise<Log> => {
  const early = await follow(server.url)
  try {
    const rev = await post(server, 'the first')
    for (let n = 1; ; n++) {
      await early.until(n)
      const event = eventOf(early.frames[n - 1])
      if (!event || !('ops' in event) || event.rev !== rev) continue
      return { live: await follow(server.url, event.seq), revs: [], cursor: event.seq }
    }
  } finally {
    early.close()
  }
}

/** Writes commits of one record each until there are enough events to replay. */
export const fillLog = async (
  { size, progress }: Stand,
  server: Server,
  { live, revs }: Log,
): Promise<void> => {
  while (revs.length < EVENTS) {
    if (revs.length % 40 === 0) {
      progress(`${server.kind}: writing events at ${size} records, ${revs.length} of ${EVENTS}`)
      await server.forgetLimits()
    }
    // Concurrent writes are done in any order; their revs say in which.
    const some = await Promise.all([1, 2, 3, 4].map((n) => post(server, `event ${revs.length + n}`)))
    revs.push(...some.sort())
  }
  await live.until(revs.length)
  check(server, live.frames, revs)
}
