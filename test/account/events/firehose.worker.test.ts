import { encode } from '@atproto/lex-cbor'
import { afterEach, describe, expect, it } from 'vitest'
import { onFault } from '../../../src/fault.ts'
import { caughtUp, connect, range, write } from '../support/firehose.ts'
import { expectDense, serve } from '../support/subscriber.ts'

afterEach(() => onFault(undefined))

describe('a subscriber', () => {
  it('without a cursor gets every event from now on, with the body that is stored', async () => {
    const server = await serve()
    const before = await range(server)
    const subscription = await connect(server)
    await write(server, 3)
    const latest = await caughtUp(subscription, server)
    expectDense(subscription, before.latest + 1, latest)
    expect(subscription.types).toEqual(['#commit', '#commit', '#commit'])
    const stored = await server.inside(({ sequencer }) => sequencer.read(before.latest, 3))
    expect(subscription.frames.map(({ body }) => encode(body))).toEqual(stored.map(({ body }) => body))
    expect(subscription.frames[0]?.header).toEqual({ op: 1, t: '#commit' })
  })

  it('with a cursor of 0 gets every event that is kept, without a warning while none was deleted', async () => {
    const server = await serve()
    await write(server, 5)
    const subscription = await connect(server, 0)
    const latest = await caughtUp(subscription, server)
    expectDense(subscription, (await range(server)).oldest, latest)
    expect(subscription.types.slice(0, 4)).toEqual(['#account', '#identity', '#sync', '#commit'])
  })

  it('starts after any cursor, at every boundary', async () => {
    const server = await serve()
    await write(server, 6)
    const { oldest, latest } = await range(server)
    for (let cursor = oldest - 2; cursor <= latest; cursor++) {
      const subscription = await connect(server, cursor)
      if (cursor < latest) {
        await caughtUp(subscription, server)
        expectDense(subscription, Math.max(oldest, cursor + 1), latest)
      } else expect(subscription.frames).toEqual([])
    }
    for (const cursor of [latest + 1, Number.MAX_SAFE_INTEGER]) {
      const refused = await connect(server, cursor)
      await refused.until(() => refused.closed !== undefined, 'the close')
      expect(refused.types).toEqual(['error FutureCursor'])
      expect(refused.frames[0]?.header).toEqual({ op: -1 })
      expect(refused.closed).toMatchObject({ code: 1008, reason: 'FutureCursor' })
    }
    const negative = await connect(server, -1)
    await caughtUp(negative, server)
    expectDense(negative, oldest, latest)
  })

  it('gets an error frame where the cursor is not a number', async () => {
    const server = await serve()
    for (const cursor of ['abc', '1.5', '99999999999999999999']) {
      const refused = await connect(server, cursor)
      await refused.until(() => refused.closed !== undefined, 'the close')
      expect(refused.types).toEqual(['error InvalidRequest'])
    }
    expect((await range(server)).latest).toBeGreaterThan(0)
    expect(await server.inside(({ firehose }) => firehose.subscribers)).toEqual([])
  })

  it('whose cursor is older than the oldest event gets OutdatedCursor, and every event that is kept', async () => {
    const server = await serve()
    await write(server, 6)
    const all = await range(server)
    await server.inside(({ sequencer }) => sequencer.prune(Date.now() + 1000, 4))
    const { oldest, latest } = await range(server)
    expect(oldest).toBe(all.oldest + 4)
    for (const cursor of [0, oldest - 2]) {
      const subscription = await connect(server, cursor)
      await caughtUp(subscription, server)
      expect(subscription.types[0]).toBe('#info')
      expect(subscription.frames[0]?.body).toMatchObject({ name: 'OutdatedCursor' })
      expectDense(subscription, oldest, latest)
    }
    const exact = await connect(server, oldest - 1)
    await caughtUp(exact, server)
    expectDense(exact, oldest, latest)
    expect(exact.types).not.toContain('#info')
    await server.inside(({ sequencer }) => sequencer.prune(Date.now() + 1000, 100))
    const empty = await connect(server, 0)
    await write(server, 1)
    await empty.until(() => empty.last === latest + 1, 'the next event')
    expect(empty.types).toEqual(['#info', '#commit'])
  })

  it('that connects before the account is active gets its activation', async () => {
    const server = await serve({ active: false })
    const subscription = await connect(server, 0)
    await server.inside((account) => account.lifecycle.activate())
    await subscription.until(() => subscription.frames.length === 3, 'three events')
    expect(subscription.types).toEqual(['#account', '#identity', '#sync'])
  })

  it('that closes is forgotten', async () => {
    const server = await serve()
    const subscription = await connect(server)
    expect(await server.inside(({ firehose }) => firehose.subscribers.length)).toBe(1)
    subscription.close()
    await subscription.until(() => subscription.closed !== undefined, 'the close')
    expect(await server.inside(({ firehose }) => firehose.subscribers)).toEqual([])
    await write(server, 1)
  })

  it('without a WebSocket is refused, with the upgrade that is needed', async () => {
    const server = await serve()
    const answer = await server.stub.fetch('https://pds.example.com/xrpc/com.atproto.sync.subscribeRepos')
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([400, 'websocket'])
    expect(await answer.json()).toMatchObject({ error: 'InvalidRequest' })
  })
})

describe('no event is missed, repeated or reordered', () => {
  it('during a replay while many commits are written', async () => {
    const server = await serve()
    await write(server, 300)
    const { oldest } = await range(server)
    const replaying = []
    const writing = write(server, 150)
    for (let i = 0; i < 10; i++) replaying.push(await connect(server, 0))
    await writing
    for (const subscription of replaying)
      expectDense(subscription, oldest, await caughtUp(subscription, server))
  })

  it('when the object dies: the sockets close, and a new subscription goes on from the last cursor', async () => {
    const server = await serve()
    await write(server, 200)
    const { oldest } = await range(server)
    const first = await connect(server, 0)
    await first.until(() => first.frames.length > 20, 'some events')
    const writing = write(server, 100).catch(() => undefined)
    await server.abort()
    await first.until(() => first.closed !== undefined, 'the close')
    await writing
    const second = await connect(server, first.last)
    await write(server, 3)
    const latest = await caughtUp(second, server)
    expect([...first.seqs, ...second.seqs]).toEqual(
      Array.from({ length: latest - oldest + 1 }, (_, index) => oldest + index),
    )
    expect(await server.inside((account) => account.check())).toMatchObject({ problems: [] })
  })

  it('where an event is committed and its broadcast fails: both are sent with the next one', async () => {
    const server = await serve()
    const { latest: from } = await range(server)
    const subscription = await connect(server)
    await write(server, 2)
    let armed = true
    onFault((name) => {
      if (name !== 'event.beforeBroadcast' || !armed) return
      armed = false
      throw new Error('the fault')
    })
    await expect(write(server, 1)).rejects.toThrow('the fault')
    onFault(undefined)
    expect((await range(server)).latest).toBe(from + 3)
    await write(server, 2)
    expectDense(subscription, from + 1, await caughtUp(subscription, server))
    expect(subscription.seqs).toHaveLength(5)
  })

  it('while many subscribers reconnect again and again', async () => {
    const server = await serve()
    await write(server, 100)
    const { oldest } = await range(server)
    const seen: number[][] = Array.from({ length: 20 }, () => [])
    const writing = write(server, 100)
    for (let round = 0; round < 4; round++) {
      await Promise.all(
        seen.map(async (seqs) => {
          const subscription = await server.connect(seqs.at(-1) ?? 0)
          await subscription.until(() => subscription.frames.length >= 10 + round, 'some events')
          seqs.push(...subscription.seqs)
          subscription.close()
        }),
      )
    }
    await writing
    for (const seqs of seen) {
      const subscription = await connect(server, seqs.at(-1) ?? 0)
      const latest = await caughtUp(subscription, server)
      expect([...seqs, ...subscription.seqs]).toEqual(
        Array.from({ length: latest - oldest + 1 }, (_, index) => oldest + index),
      )
    }
  })
})

describe('a subscriber that does not read', () => {
  it('is closed as too slow, costs one buffer, and does not delay the others', async () => {
    let now = Date.now()
    const server = await serve({ platform: { now: () => now } })
    const { latest: from } = await range(server)
    const readers = []
    for (let i = 0; i < 49; i++) readers.push(await connect(server))
    const dead = await connect(server, undefined, false)
    for (let i = 0; i < 40; i++) {
      await write(server, 1, 200_000)
      for (const reader of readers) await caughtUp(reader, server)
    }
    const waiting = await server.inside(({ firehose }) => firehose.subscribers.map((it) => it.waiting))
    expect(Math.max(...waiting)).toBeGreaterThan(500_000)
    expect(Math.max(...waiting)).toBeLessThan(3_000_000)
    now += 11_000
    await new Promise((resolve) => setTimeout(resolve, 300))
    dead.read()
    await dead.until(() => dead.closed !== undefined, 'the close')
    expect(dead.types.at(-1)).toBe('error ConsumerTooSlow')
    expect(dead.closed).toMatchObject({ code: 1008, reason: 'ConsumerTooSlow' })
    expectDense(dead, from + 1, dead.last)
    for (const reader of readers) expectDense(reader, from + 1, await caughtUp(reader, server))
    const again = await connect(server, dead.last)
    expectDense(again, dead.last + 1, await caughtUp(again, server))
  })

  it('for a while only, gets every event when it reads again', async () => {
    const server = await serve()
    const { latest: from } = await range(server)
    const slow = await connect(server, undefined, false)
    await write(server, 30, 200_000)
    slow.read()
    expectDense(slow, from + 1, await caughtUp(slow, server))
  })

  it('is closed where the events that it missed were deleted', async () => {
    const server = await serve()
    const slow = await connect(server, undefined, false)
    await write(server, 30, 200_000)
    await server.inside(({ sequencer }) => sequencer.prune(Date.now() + 1000, 1000))
    slow.read()
    await slow.until(() => slow.closed !== undefined, 'the close')
    expect(slow.types.at(-1)).toBe('error ConsumerTooSlow')
  })
})
