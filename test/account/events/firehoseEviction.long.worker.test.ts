import { describe, expect, it } from 'vitest'
import { unpost } from '../support/account.ts'
import { caughtUp, connect, range, write } from '../support/firehose.ts'
import { expectDense, serve } from '../support/subscriber.ts'

/** The object's `ctx` is protected; the test needs it nevertheless. */
const sockets = (object: unknown): WebSocket[] => (object as { ctx: DurableObjectState }).ctx.getWebSockets()

/** Each waits until the object can be evicted. */
describe('when the object is evicted', () => {
  it('no event is missed, repeated or reordered, between events and in the middle of a replay', async () => {
    const server = await serve()
    await write(server, 50)
    const { oldest, latest } = await range(server)
    const live = await connect(server)
    const old = await connect(server, 0)
    for (let i = 0; i < 5; i++) {
      await write(server, 2)
      await server.evict()
    }
    expectDense(live, latest + 1, await caughtUp(live, server))
    expectDense(old, oldest, await caughtUp(old, server))
    const { latest: end } = await range(server)
    // As if it had hibernated twelve events ago: it goes on from the cursor in the attachment.
    await server.inside((_, object) => {
      for (const socket of sockets(object)) socket.serializeAttachment({ cursor: end - 12 })
    })
    await server.evict()
    await server.alarm()
    await live.until(() => live.frames.length === end - latest + 12, 'the rest')
    expect(live.seqs.slice(-12)).toEqual(Array.from({ length: 12 }, (_, index) => end - 11 + index))
    await write(server, 1)
    await caughtUp(live, server)
    expect(live.seqs.slice(-2)).toEqual([end, end + 1])
  })

  it('the log is pruned by alarm, in steps, and its numbers go on', async () => {
    let now = Date.now()
    const server = await serve({ platform: { now: () => now } })
    await write(server, 20)
    const { latest } = await range(server)
    now += 73 * 3600_000
    await server.alarm()
    expect(await server.inside(({ sequencer }) => sequencer.oldest())).toBeUndefined()
    await server.evict()
    const subscription = await connect(server, latest)
    await server.inside(({ repo }) => repo.commit([unpost('nothing')]).catch(() => undefined))
    await write(server, 1)
    await subscription.until(() => subscription.frames.length > 0, 'the next event')
    expect(subscription.seqs).toEqual([latest + 1])
    expect(await server.inside((account) => account.check())).toMatchObject({ problems: [] })
  })
})
