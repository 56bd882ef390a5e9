import { messageFrame } from '../../xrpc/frames.ts'
import { endSubscription } from '../../xrpc/subscription.ts'
import { XrpcError } from '../../xrpc/errors.ts'
import type { Platform } from '../../platform.ts'
import {
  CLOSED,
  OPEN,
  readAttachment,
  saveAttachment,
  type Subscriber,
  type Attachment,
} from './subscriber.ts'
import { infoFrame } from './messages.ts'
import { createReplay } from './replay.ts'
import { SocketBuffer } from './socketBuffer.ts'
import type { SequencedEvent, Sequencer } from './sequencer.ts'
import type { SocketHolder, SubscriberLimits } from './subscriberLimits.ts'

/**
 * The event stream's sockets. A subscriber is a socket and the number of the last event that was sent to it, which is
 * kept in the socket's attachment, so that it survives hibernation; the events stay in SQL. A subscriber that has
 * every event gets the next one as it is committed. All others are behind and are served from SQL, page by page, as
 * fast as they read: a subscriber costs one buffer of bounded size, however far behind it is.
 */
export interface Firehose {
  readonly subscribers: readonly SubscriberState[]
  /**
   * Accepts the socket and sends it every event after `cursor`, then each new one; without a cursor, new ones only.
   * `network` is the caller's, and counts against its limit.
   */
  subscribe(socket: WebSocket, cursor: number | undefined, network?: string): void
  /** Sends an event that was just committed. Never fails: no write may fail because of it. */
  publish(event: SequencedEvent): void
  /** Serves the subscribers that are behind. Called when the object has started, and by its alarm. */
  resume(): void
  /** Called when the other side has sent something of this length, which a subscriber has no reason to do. */
  noteMessage(socket: WebSocket, length: number): void
  /** Called when the other side has closed, or the connection has failed. */
  noteClosed(socket: WebSocket): void
}

export interface SubscriberState {
  cursor: number
  /** Whether it has every event. */
  live: boolean
  /** Bytes that were sent to it and have not left. */
  waiting: number
}

export interface FirehoseDeps {
  platform: Pick<Platform, 'now' | 'sleep'>
  sequencer: Sequencer
  subscriberLimits: SubscriberLimits
  /** Holds the sockets while the object hibernates. */
  sockets: Pick<DurableObjectState, 'acceptWebSocket' | 'getWebSockets'>
  /** Makes sure that `resume` is called within `delayMs`, even if this object dies. */
  wake(delayMs: number): void
}

const KiB = 1024
const MiB = 1024 * KiB

/** Each message wakes the object. Some clients send a few, to keep the connection or to greet. */
const MAX_MESSAGES = 10
/** A larger one ends the subscription at once: the platform holds all of a message in memory, up to 32 MiB. */
const MAX_MESSAGE_LENGTH = KiB
/** Bytes that may wait to be taken: by one subscriber (`least` to `most`), and by all. One frame may come on top of it. */
const WAITING_BYTES = { least: 64 * KiB, most: 4 * MiB, all: 32 * MiB }
/** A close code, "normal closure". */
const NORMAL_CLOSURE = 1000

export const createFirehose = (deps: FirehoseDeps): Firehose => {
  const { platform, sequencer, subscriberLimits, sockets, wake } = deps
  const subscribers = new Map<WebSocket, Subscriber>()

  const adopt = (socket: WebSocket, attachment: Attachment): Subscriber => {
    const subscriber = { ...attachment, socket, buffer: new SocketBuffer(socket, platform) }
    subscribers.set(socket, subscriber)
    return subscriber
  }

  const forget = (subscriber: Subscriber): void => {
    subscribers.delete(subscriber.socket)
    replay.delete(subscriber)
  }

  /** The bytes that may wait for one subscriber. Sockets that are closing still hold what they were sent, so they count. */
  const waitingLimit = (): number => {
    const share = WAITING_BYTES.all / Math.max(1, sockets.getWebSockets().length)
    return Math.max(WAITING_BYTES.least, Math.min(WAITING_BYTES.most, share))
  }

  const send = (
    subscriber: Subscriber,
    frames: readonly Uint8Array<ArrayBuffer>[],
    last: number,
  ): boolean => {
    try {
      for (const frame of frames) subscriber.buffer.send(frame)
      subscriber.cursor = last
      saveAttachment(subscriber)
      return true
    } catch {
      // It closed meanwhile: the client connects again with the last number that it received.
      forget(subscriber)
      return false
    }
  }

  const end = (subscriber: Subscriber, name: string, message: string): void => {
    forget(subscriber)
    try {
      endSubscription(subscriber.socket, name, message)
    } catch {
      // It closed before the message could be sent.
    }
  }

  const drop = (subscriber: Subscriber): void =>
    end(
      subscriber,
      'ConsumerTooSlow',
      `behind by ${sequencer.latest() - subscriber.cursor} events, and not reading`,
    )

  /** Gives this network's next socket a place, or throws. */
  const makePlace = (network: string | undefined): void => {
    const closing = sockets
      .getWebSockets()
      .filter((socket) => !subscribers.has(socket) && socket.readyState !== CLOSED)
      .map((socket): SocketHolder => {
        const { network, since = 0 } = readAttachment(socket)
        return { network, since }
      })
    const displaced = subscriberLimits.admit(network, { open: [...subscribers.values()], closing })
    if (displaced)
      end(
        displaced,
        'RateLimitExceeded',
        'the firehose is full, and of all networks this one has the most subscribers: try again later',
      )
  }

  const replay = createReplay({ platform, sequencer, waitingLimit, send, drop, forget, wake })

  const fallBehind = (subscriber: Subscriber): void => {
    subscriber.buffer.mark()
    replay.add([subscriber])
  }

  // The sockets that survived hibernation.
  for (const socket of sockets.getWebSockets()) {
    const { cursor, network, since = 0, messages = 0 } = readAttachment(socket)
    if (socket.readyState !== OPEN || cursor === undefined) continue
    adopt(socket, { cursor, network, since, messages })
  }

  return {
    get subscribers() {
      return [...subscribers.values()].map((subscriber) => ({
        cursor: subscriber.cursor,
        live: !replay.has(subscriber),
        waiting: subscriber.buffer.waitingBytes(),
      }))
    },
    subscribe: (socket, cursor, network) => {
      const latest = sequencer.latest()
      if (cursor !== undefined && cursor > latest)
        throw new XrpcError(
          'FutureCursor',
          `cursor ${cursor} is in the future: the latest event is ${latest}`,
        )
      makePlace(network)
      sockets.acceptWebSocket(socket)
      // From the oldest event on, numbers have no gaps: a gap after `start` means that events were deleted.
      const start = Math.max(cursor ?? latest, (sequencer.oldest() ?? latest + 1) - 1)
      const subscriber = adopt(socket, { cursor: start, network, since: platform.now(), messages: 0 })
      saveAttachment(subscriber)
      if (cursor !== undefined && sequencer.isOutdated(cursor))
        subscriber.buffer.send(
          infoFrame('OutdatedCursor', `cursor ${cursor} is older than what is kept; events may be missing`),
        )
      if (subscriber.cursor < latest) fallBehind(subscriber)
    },
    publish: (event) => {
      const frame = messageFrame(event.type, event.body)
      const limit = waitingLimit()
      for (const subscriber of subscribers.values()) {
        // A subscriber that is behind finds the event in the log.
        if (replay.has(subscriber)) continue
        if (subscriber.cursor === event.seq - 1 && subscriber.buffer.waitingBytes() < limit)
          send(subscriber, [frame], event.seq)
        else fallBehind(subscriber)
      }
    },
    resume: () => {
      const latest = sequencer.latest()
      replay.add([...subscribers.values()].filter(({ cursor }) => cursor < latest))
    },
    noteMessage: (socket, length) => {
      const subscriber = subscribers.get(socket)
      if (!subscriber) return
      subscriber.messages++
      if (subscriber.messages <= MAX_MESSAGES && length <= MAX_MESSAGE_LENGTH) saveAttachment(subscriber)
      else end(subscriber, 'InvalidRequest', 'a subscriber does not send messages')
    },
    noteClosed: (socket) => {
      const subscriber = subscribers.get(socket)
      if (subscriber) forget(subscriber)
      // Unless we close it too, the connection stays open until the object hibernates.
      if (socket.readyState !== CLOSED) socket.close(NORMAL_CLOSURE)
    },
  }
}
