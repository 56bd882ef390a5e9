/**
 * The event stream's sockets. A subscriber is a socket and the number of the last event that it was sent,
 * which stands in the socket's attachment, so that it outlives hibernation; events stay in SQL. Who has
 * everything gets the next event as it is committed. Everybody else is behind, and is served from SQL, page
 * by page, as fast as he reads: a subscriber costs one buffer of bounded size, however far behind he is.
 */
import { messageFrame } from '../../xrpc/frames.ts'
import { endSubscription } from '../../xrpc/subscription.ts'
import { error, XrpcError } from '../../xrpc/errors.ts'
import type { Platform } from '../../platform.ts'
import { infoFrame } from './frames.ts'
import { SocketBuffer } from './socketBuffer.ts'
import type { SequencedEvent, Sequencer } from './sequencer.ts'

export interface FirehoseDeps {
  platform: Pick<Platform, 'now' | 'sleep'>
  sequencer: Sequencer
  /** Holds the sockets while the object hibernates. */
  sockets: Pick<DurableObjectState, 'acceptWebSocket' | 'getWebSockets'>
  /** Makes sure that `resume` is called in so many milliseconds, even if this object dies. */
  wake(delay: number): void
}

interface Subscriber {
  readonly socket: WebSocket
  readonly outflow: SocketBuffer
  /** The last event sent. */
  cursor: number
}

const KiB = 1024
const MiB = 1024 * KiB

const MAX_SUBSCRIBERS = 1000
/** Bytes that wait to be taken: of one subscriber, and of all together. One frame may come on top. */
const WAITING = { least: 64 * KiB, most: 4 * MiB, all: 32 * MiB }
/** How much of the log is read at once, and sent before anybody else gets a turn. */
const PAGE = { events: 250, bytes: MiB }
const TURN = 4 * MiB
/** Whoever is behind and has taken less than that for so many milliseconds is too slow. */
const PATIENCE = { ms: 10_000, bytes: 64 * KiB }
/** Milliseconds between two looks at sockets that are full: at first, and at most. */
const POLL = { least: 1, most: 50 }
/** A replay that dies with its object goes on after this. */
const SAFETY = 5000

const OPEN = 1
const CLOSED = 3
/** A close code, "normal closure". */
const NORMAL = 1000

interface Page {
  after: number
  frames: Uint8Array<ArrayBuffer>[]
  /** Events after `after` were taken out of the log before he read them. */
  gap: boolean
  last: number
}

export class Firehose {
  readonly #deps: FirehoseDeps
  readonly #subscribers = new Map<WebSocket, Subscriber>()
  readonly #behind = new Set<Subscriber>()
  #page: Page | undefined
  #serving = false

  constructor(deps: FirehoseDeps) {
    this.#deps = deps
    for (const socket of deps.sockets.getWebSockets()) {
      const attachment: { cursor?: unknown } | null = socket.deserializeAttachment()
      if (socket.readyState !== OPEN || typeof attachment?.cursor !== 'number') continue
      this.#adopt(socket, attachment.cursor)
    }
    this.resume()
  }

  get subscribers(): { cursor: number; live: boolean; waiting: number }[] {
    return [...this.#subscribers.values()].map((subscriber) => ({
      cursor: subscriber.cursor,
      live: !this.#behind.has(subscriber),
      waiting: subscriber.outflow.waiting(),
    }))
  }

  /** Accepts the socket and sends everything after `cursor`, or from now on; then what comes. */
  subscribe(socket: WebSocket, cursor: number | undefined): void {
    const { sequencer } = this.#deps
    const latest = sequencer.latest()
    if (cursor !== undefined && cursor > latest)
      throw new XrpcError('FutureCursor', `cursor ${cursor} is in the future: the latest event is ${latest}`)
    if (this.#deps.sockets.getWebSockets().length >= MAX_SUBSCRIBERS)
      throw error('RateLimitExceeded', `there are ${MAX_SUBSCRIBERS} subscribers already: try again later`)
    this.#deps.sockets.acceptWebSocket(socket)
    // Numbers are dense from the oldest on: from here every gap is a mistake.
    const start = Math.max(cursor ?? latest, (sequencer.oldest() ?? latest + 1) - 1)
    const subscriber = this.#adopt(socket, start)
    this.#save(subscriber)
    if (cursor !== undefined && sequencer.isOutdated(cursor))
      subscriber.outflow.send(
        infoFrame('OutdatedCursor', `cursor ${cursor} is older than what is kept; events may be missing`),
      )
    if (subscriber.cursor < latest) this.#fallBehind(subscriber)
  }

  /** An event that has just been committed. Never fails: it must not be in the way of a write. */
  publish(event: SequencedEvent): void {
    const frame = messageFrame(event.type, event.body)
    const limit = this.#limit()
    for (const subscriber of this.#subscribers.values()) {
      // Whoever is behind meets the event in the log.
      if (this.#behind.has(subscriber)) continue
      if (subscriber.cursor === event.seq - 1 && subscriber.outflow.waiting() < limit)
        this.#send(subscriber, [frame], event.seq)
      else this.#fallBehind(subscriber)
    }
  }

  /** Serves whoever is behind. */
  resume(): void {
    const latest = this.#deps.sequencer.latest()
    for (const subscriber of this.#subscribers.values())
      if (subscriber.cursor < latest) this.#behind.add(subscriber)
    if (this.#behind.size > 0) void this.#serve()
  }

  /** The other side has closed, or the connection failed. */
  gone(socket: WebSocket): void {
    const subscriber = this.#subscribers.get(socket)
    if (subscriber) this.#forget(subscriber)
    // Without a word from us the connection would stay open until the object hibernates.
    if (socket.readyState !== CLOSED) socket.close(NORMAL)
  }

  #adopt(socket: WebSocket, cursor: number): Subscriber {
    const subscriber = { socket, cursor, outflow: new SocketBuffer(socket, this.#deps.platform) }
    this.#subscribers.set(socket, subscriber)
    return subscriber
  }

  #forget(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber.socket)
    this.#behind.delete(subscriber)
  }

  #fallBehind(subscriber: Subscriber): void {
    this.#behind.add(subscriber)
    subscriber.outflow.mark()
    void this.#serve()
  }

  /** Turn by turn until nobody is behind. What happens between two awaits cannot be divided: no event falls between. */
  async #serve(): Promise<void> {
    if (this.#serving) return
    this.#serving = true
    try {
      this.#turn()
      if (this.#behind.size > 0) this.#deps.wake(SAFETY)
      for (let delay = 0; this.#behind.size > 0;) {
        await this.#deps.platform.sleep(delay)
        delay = this.#turn() ? 0 : Math.min(POLL.most, Math.max(POLL.least, delay * 2))
      }
    } finally {
      this.#serving = false
    }
  }

  /** Sends each at most a page. Whoever got one goes to the end of the queue. */
  #turn(): boolean {
    const limit = this.#limit()
    let sent = 0
    for (const subscriber of [...this.#behind]) {
      if (sent >= TURN) break
      sent += this.#advance(subscriber, limit)
    }
    this.#page = this.#behind.size > 0 ? this.#page : undefined
    return sent > 0
  }

  #advance(subscriber: Subscriber, limit: number): number {
    const { socket, outflow } = subscriber
    if (socket.readyState !== OPEN) {
      this.#forget(subscriber)
      return 0
    }
    if (outflow.waiting() >= limit) {
      if (outflow.isStuck(PATIENCE)) this.#drop(subscriber)
      return 0
    }
    const { frames, gap, last } = this.#read(subscriber.cursor)
    if (gap) {
      this.#drop(subscriber)
      return 0
    }
    if (!this.#send(subscriber, frames, last)) return 0
    this.#behind.delete(subscriber)
    if (last < this.#deps.sequencer.latest()) this.#behind.add(subscriber)
    return frames.reduce((sum, frame) => sum + frame.length, 1)
  }

  /** A page of the log, read once for all who stand at the same place. */
  #read(after: number): Page {
    if (this.#page?.after === after && this.#page.frames.length > 0) return this.#page
    const events = this.#deps.sequencer.read(after, PAGE.events, PAGE.bytes)
    const frames = events.map(({ type, body }) => messageFrame(type, body))
    const gap = events[0]?.seq !== after + 1
    return (this.#page = { after, frames, gap, last: events.at(-1)?.seq ?? after })
  }

  #send(subscriber: Subscriber, frames: readonly Uint8Array<ArrayBuffer>[], last: number): boolean {
    try {
      for (const frame of frames) subscriber.outflow.send(frame)
      subscriber.cursor = last
      this.#save(subscriber)
      return true
    } catch {
      // It closed meanwhile: he comes back with the last number that he got.
      this.#forget(subscriber)
      return false
    }
  }

  #save({ socket, cursor }: Subscriber): void {
    socket.serializeAttachment({ cursor })
  }

  #drop(subscriber: Subscriber): void {
    this.#forget(subscriber)
    try {
      endSubscription(
        subscriber.socket,
        'ConsumerTooSlow',
        `behind by ${this.#deps.sequencer.latest() - subscriber.cursor} events, and not reading`,
      )
    } catch {
      // Gone before it could be told.
    }
  }

  /** Sockets that are closing still hold what they were sent, so they count. */
  #limit(): number {
    const share = WAITING.all / Math.max(1, this.#deps.sockets.getWebSockets().length)
    return Math.max(WAITING.least, Math.min(WAITING.most, share))
  }
}
