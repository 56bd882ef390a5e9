import { expect, it } from 'vitest'
import { createFirehose, type FirehoseDeps } from '../../../src/account/events/firehose.ts'
import type { SequencedEvent } from '../../../src/account/events/sequencer.ts'

const EVENTS = 600

const event = (seq: number): SequencedEvent => ({
  seq,
  type: 'identity',
  rev: null,
  time: 0,
  body: new Uint8Array([0xa0]),
})

it('a subscriber that was behind before hibernation is served once the object has started, and an alarm is set', async () => {
  const cursors: number[] = []
  const socket = {
    readyState: 1,
    bufferedAmount: 0,
    send: () => {},
    deserializeAttachment: () => ({ cursor: 0 }),
    serializeAttachment: ({ cursor }: { cursor: number }) => cursors.push(cursor),
  }
  let hasStarted = false
  const wakes: number[] = []
  const firehose = createFirehose({
    platform: { now: () => 0, sleep: () => Promise.resolve() },
    sequencer: {
      latest: () => EVENTS,
      read: (after: number, limit: number) =>
        Array.from({ length: Math.min(limit, EVENTS - after) }, (_, i) => event(after + i + 1)),
    } as unknown as FirehoseDeps['sequencer'],
    subscriberLimits: { admit: () => undefined },
    sockets: { acceptWebSocket: () => {}, getWebSockets: () => [socket as unknown as WebSocket] },
    wake: (delay) => {
      // What sets the alarm is made after the firehose.
      if (!hasStarted) throw new Error('the object has not started')
      wakes.push(delay)
    },
  })
  expect(cursors).toEqual([])
  hasStarted = true
  firehose.resume()
  await expect.poll(() => cursors).toEqual([250, 500, EVENTS])
  expect(wakes).toEqual([5000])
  expect(firehose.subscribers).toEqual([{ cursor: EVENTS, live: true, waiting: 0 }])
})
