import { afterEach, describe, expect, it } from 'vitest'
import { serve, type Server, type Subscription } from '../support/subscriber.ts'

const open: Subscription[] = []
afterEach(() => {
  for (const subscription of open.splice(0)) if (!subscription.closed) subscription.close()
})

const connect = async (server: Server, network?: string): Promise<Subscription> => {
  const subscription = await server.connect(undefined, true, network)
  open.push(subscription)
  return subscription
}

const connectMany = async (server: Server, count: number, networkOf: (n: number) => string) => {
  const all: Subscription[] = []
  for (let n = 0; n < count; n++) all.push(await connect(server, networkOf(n)))
  return all
}

const count = (server: Server) => server.inside(({ firehose }) => firehose.subscribers.length)

const write = (server: Server) => server.inside((account) => account.lifecycle.emitIdentity())

const refused = (all: readonly Subscription[]) =>
  all.filter(({ types }) => types.at(-1) === 'error RateLimitExceeded')

const notes = (server: Server) =>
  server.inside(({ journal }) =>
    journal
      .page({ limit: 100 })
      .entries.filter(({ event }) => event.startsWith('firehose'))
      .map(({ event, detail }) => [event, detail['network']]),
  )

describe('the places of the firehose', () => {
  it('are not all taken by one client that opens a thousand sockets: a relay gets in, and its events', async () => {
    const server = await serve()
    const flood = await connectMany(server, 1000, () => '192.0.2.1')
    expect(await count(server)).toBe(20)
    const relay = await connect(server, '203.0.113.9')
    await write(server)
    await relay.until(() => relay.types.includes('#identity'), 'the event')
    await flood[999]?.until(() => flood[999]?.closed !== undefined, 'the close')
    expect(refused(flood)).toHaveLength(980)
    expect(flood[999]?.frames.at(-1)?.body.message).toContain('20 subscribers of your network')
    expect(await notes(server)).toEqual([['firehose-refused', '192.0.2.1']])
  })

  it('are taken by the neighbours of one network a hundred times at most: an IPv6 /48, an IPv4 /24', async () => {
    const server = await serve()
    await connectMany(server, 150, (n) => `2001:db8:1:${n.toString(16)}::1`)
    expect(await count(server)).toBe(100)
    await connectMany(server, 150, (n) => `192.0.2.${n}`)
    expect(await count(server)).toBe(200)
    await connect(server, '2001:db8:2::1')
    expect(await count(server)).toBe(201)
  })

  it('of a block of networks are not all kept by five of its networks: a sixth gets in', async () => {
    const server = await serve()
    const flood = await connectMany(server, 110, (n) => `192.0.2.${n % 5}`)
    expect(await count(server)).toBe(100)
    const relay = await connect(server, '192.0.2.77')
    await write(server)
    await relay.until(() => relay.types.includes('#identity') || relay.closed !== undefined, 'the event')
    expect(relay.closed).toBeUndefined()
    expect(await count(server)).toBe(100)
    await expect.poll(() => refused(flood).length).toBe(11)
  })

  it('are given up by the network that has the most: its oldest socket, not that of a relay', async () => {
    let now = Date.now()
    const server = await serve({ platform: { now: () => now++ } })
    const relay = await connect(server, '203.0.113.9')
    const flood = await connectMany(server, 999, (n) => `198.51.${n % 50}.7`)
    const another = await connect(server, '203.0.113.200')
    expect(await count(server)).toBe(1000)
    // Of the networks with twenty, the one that grew last.
    await flood[48]?.until(() => flood[48]?.closed !== undefined, 'the close')
    expect(flood[48]?.closed).toMatchObject({ code: 1008, reason: 'RateLimitExceeded' })
    expect(refused(flood)).toHaveLength(1)
    await write(server)
    for (const one of [relay, another, flood[998]])
      await one?.until(() => one.types.includes('#identity'), 'the event')
    expect((await notes(server)).map(([event]) => event)).toEqual(['firehose-full'])
  })

  it('are given up by the holder of a thousand networks that are not neighbours, and never by a relay', async () => {
    let now = Date.now()
    const server = await serve({ platform: { now: () => now++ } })
    await connectMany(server, 1000, (n) => `2001:db8:${n.toString(16)}::1`)
    const relay = await connect(server, '2a01:4f8:1::1')
    await connectMany(server, 30, (n) => `2001:db8:${(5000 + n).toString(16)}::1`)
    await write(server)
    await relay.until(() => relay.types.includes('#identity') || relay.closed !== undefined, 'the event')
    expect(relay.closed).toBeUndefined()
    expect(await count(server)).toBe(1000)
  })

  it('are kept for a minute at least, and for long by those that had them first, if all networks are strangers to each other', async () => {
    let now = Date.now()
    const server = await serve({ platform: { now: () => now++ } })
    const strangers = (count: number, from: number) =>
      connectMany(server, count, (n) => `${(from + n) >> 8}.${(from + n) & 255}.7.7`)
    const first = await connect(server, '203.0.113.9')
    await strangers(999, 1 << 8)
    now += 60_000
    const relay = await connect(server, '203.7.113.9')
    await strangers(50, 20 << 8)
    await write(server)
    for (const one of [first, relay]) {
      await one.until(() => one.types.includes('#identity') || one.closed !== undefined, 'the event')
      expect(one.closed).toBeUndefined()
    }
    now += 60_000
    await strangers(60, 40 << 8)
    await write(server)
    await relay.until(() => relay.closed !== undefined, 'the close')
    await first.until(() => first.types.filter((type) => type === '#identity').length === 2, 'the event')
  })

  it('are counted again after hibernation', async () => {
    const server = await serve()
    await connectMany(server, 20, () => '198.51.0.7')
    await server.evict()
    const [one, another] = [await connect(server, '198.51.0.7'), await connect(server, '203.0.113.9')]
    await one.until(() => one.closed !== undefined, 'the close')
    expect(refused([one, another])).toEqual([one])
    expect(await count(server)).toBe(21)
  })

  it('are not freed for those that hold on to a socket that was closed', async () => {
    const server = await serve()
    // These do not read, so they do not answer the close.
    for (let n = 0; n < 20; n++) {
      const subscription = await server.connect(undefined, false, '192.0.2.1')
      open.push(subscription)
    }
    await server.inside(({ firehose }, object) => {
      const { ctx } = object as unknown as { ctx: DurableObjectState }
      for (const socket of ctx.getWebSockets()) for (let n = 0; n < 11; n++) firehose.noteMessage(socket, 4)
    })
    expect(await count(server)).toBe(0)
    await connect(server, '192.0.2.1')
    expect(await count(server)).toBe(0)
    await connect(server, '192.0.2.2')
    expect(await count(server)).toBe(1)
  })

  it('are not all kept by a hundred addresses that hold on to a thousand closed sockets', async () => {
    const server = await serve()
    // These do not read, so they do not answer the close: the second thousand displaces the first.
    for (let n = 0; n < 2000; n++)
      open.push(await server.connect(undefined, false, `198.${Math.floor(n / 100)}.1.${n % 5}`))
    expect(await count(server)).toBe(1000)
    const relay = await connect(server, '203.0.113.9')
    await write(server)
    await relay.until(() => relay.types.includes('#identity') || relay.closed !== undefined, 'the event')
    expect(relay.closed).toBeUndefined()
    const holder = await connect(server, '198.0.1.77')
    await holder.until(() => holder.closed !== undefined, 'the close')
    expect(holder.types).toEqual(['error RateLimitExceeded'])
  })

  it('that were refused are one entry of the journal in six hours, also after a restart', async () => {
    let now = Date.now()
    const server = await serve({ platform: { now: () => now } })
    await connectMany(server, 25, () => '192.0.2.1')
    await server.evict()
    await connectMany(server, 5, () => '192.0.2.1')
    expect(await notes(server)).toHaveLength(1)
    now += 6 * 3600_000 + 1
    await connectMany(server, 5, () => '192.0.2.1')
    expect(await notes(server)).toHaveLength(2)
    expect(await server.inside(({ journal }) => journal.verify())).toMatchObject({ ok: true })
  })
})

describe('a subscriber that sends messages', () => {
  it('is closed after ten of them, also when the object hibernated in between', async () => {
    const server = await serve()
    const talker = await connect(server)
    for (let n = 0; n < 10; n++) {
      talker.socket.send('ping')
      if (n === 4) await server.evict()
    }
    await write(server)
    await talker.until(() => talker.types.includes('#identity'), 'the event')
    expect(await count(server)).toBe(1)
    talker.socket.send(new Uint8Array(1000))
    await talker.until(() => talker.closed !== undefined, 'the close')
    expect(talker.types.at(-1)).toBe('error InvalidRequest')
    expect(await count(server)).toBe(0)
  })

  it('is closed after one that is large', async () => {
    const server = await serve()
    const talker = await connect(server)
    talker.socket.send(new Uint8Array(1024))
    talker.socket.send('x'.repeat(1024 * 1024))
    await talker.until(() => talker.closed !== undefined, 'the close')
    expect(talker.types.at(-1)).toBe('error InvalidRequest')
    expect(await count(server)).toBe(0)
  })
})
