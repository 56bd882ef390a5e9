import type { Platform } from '../../platform.ts'
import { createLogPages } from './logPages.ts'
import type { Sequencer } from './sequencer.ts'
import { OPEN, type Subscriber } from './subscriber.ts'

/** Serves the subscribers that are behind from the log, page by page and in turn, until none is. */
export interface Replay {
  /** Whether this subscriber is behind: it finds new events in the log. */
  has(subscriber: Subscriber): boolean
  /** These subscribers are behind, until they have every event of the log. */
  add(subscribers: readonly Subscriber[]): void
  /** The subscriber is gone. */
  delete(subscriber: Subscriber): void
}

export interface ReplayDeps {
  platform: Pick<Platform, 'sleep'>
  sequencer: Pick<Sequencer, 'read' | 'latest'>
  /** The bytes that may wait for one subscriber. */
  waitingLimit(): number
  /** Sends frames of which `last` is the last one's event; false if the socket is closed. */
  send(subscriber: Subscriber, frames: readonly Uint8Array<ArrayBuffer>[], last: number): boolean
  /** Ends the subscription of one that is too slow. */
  drop(subscriber: Subscriber): void
  /** Forgets a subscriber whose socket is closed. */
  forget(subscriber: Subscriber): void
  /** Sets the alarm, so that the replay goes on within `delayMs` even if this object dies. */
  wake(delayMs: number): void
}

const KiB = 1024
const MiB = 1024 * KiB

/** Bytes that are sent before other requests get their turn. */
const TURN_BYTES = 4 * MiB
/** A subscriber that is behind and has taken less than this in so many milliseconds is too slow. */
const TOO_SLOW = { ms: 10_000, bytes: 64 * KiB }
/** Milliseconds between two checks of whether full sockets have room again: at first, and at most. */
const POLL_MS = { least: 1, most: 50 }
/** If the object dies while subscribers are behind, it is woken after this to go on. */
const REPLAY_WAKE_MS = 5000

export const createReplay = (deps: ReplayDeps): Replay => {
  const { platform, sequencer, waitingLimit, send, drop, forget, wake } = deps
  const behind = new Set<Subscriber>()
  const pages = createLogPages({ sequencer })
  let isServing = false

  /** Sends a subscriber at most a page; returns the bytes that were sent. */
  const advance = (subscriber: Subscriber, limit: number): number => {
    const { socket, buffer } = subscriber
    if (socket.readyState !== OPEN) {
      forget(subscriber)
      return 0
    }
    if (buffer.waitingBytes() >= limit) {
      if (buffer.isStuck(TOO_SLOW)) drop(subscriber)
      return 0
    }
    const { frames, gap, last } = pages.read(subscriber.cursor)
    if (gap) {
      drop(subscriber)
      return 0
    }
    if (!send(subscriber, frames, last)) return 0
    // A set keeps the order of insertion: this moves the subscriber to the end of the queue.
    behind.delete(subscriber)
    if (last < sequencer.latest()) behind.add(subscriber)
    return frames.reduce((sum, frame) => sum + frame.length, 1)
  }

  /** One page for each subscriber that is behind, until the turn is used up. Returns whether anything was sent. */
  const takeTurn = (): boolean => {
    const limit = waitingLimit()
    let sent = 0
    for (const subscriber of [...behind]) {
      if (sent >= TURN_BYTES) break
      sent += advance(subscriber, limit)
    }
    if (behind.size === 0) pages.clear()
    return sent > 0
  }

  /** Turn by turn until no subscriber is behind. What runs between two awaits is not interrupted: no event is missed. */
  const serve = async (): Promise<void> => {
    if (isServing) return
    isServing = true
    try {
      takeTurn()
      if (behind.size > 0) wake(REPLAY_WAKE_MS)
      for (let delay = 0; behind.size > 0;) {
        await platform.sleep(delay)
        delay = takeTurn() ? 0 : Math.min(POLL_MS.most, Math.max(POLL_MS.least, delay * 2))
      }
    } finally {
      isServing = false
    }
  }

  return {
    has: (subscriber) => behind.has(subscriber),
    add: (subscribers) => {
      for (const subscriber of subscribers) behind.add(subscriber)
      if (behind.size > 0) void serve()
    },
    delete: (subscriber) => void behind.delete(subscriber),
  }
}
