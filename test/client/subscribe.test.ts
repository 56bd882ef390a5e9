import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type RepoEvent,
  subscribeRepos,
  type SubscribeOptions,
  XrpcError,
} from '../../src/client/subscribe.ts'
import { commit, event, failure, frame, identity } from './frames.ts'
import { type Peer, stream } from './stream.ts'

/** The first attempt after a loss is made after a quarter of a second, the next after half a second. */
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0))
afterEach(() => vi.restoreAllMocks())

/** Reads `count` events, then stops. */
const take = async (host: string, count: number, options: SubscribeOptions = {}): Promise<RepoEvent[]> => {
  const found: RepoEvent[] = []
  for await (const event of subscribeRepos(host, options)) {
    found.push(event)
    if (found.length === count) break
  }
  return found
}
const seqs = async (...given: Parameters<typeof take>): Promise<number[]> =>
  (await take(...given)).map(({ seq }) => seq)

const failed = (host: string, options: SubscribeOptions = {}): Promise<unknown> =>
  take(host, Infinity, options).then(
    (events) => `no error, ${events.length} events`,
    (error: unknown) => error,
  )

/** Every event after the cursor, up to `all`, in pieces of any size. */
const serving =
  (all: number, piece = all) =>
  (peer: Peer): void => {
    const first = (peer.cursor ?? 0) + 1
    for (let seq = first; seq <= Math.min(all, first + piece - 1); seq++) peer.send(identity(seq))
    if (first + piece <= all) peer.close(1012)
  }

const until = async (done: () => boolean): Promise<void> => {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('subscribeRepos', () => {
  it('yields events typed by the lexicon: bytes as Uint8Array, links as in JSON', async () => {
    await using server = await stream((peer) =>
      peer.send(
        commit(1, new Uint8Array([1, 2, 3])),
        event('account', { seq: 2, did: 'did:web:a', time: 't', active: false, status: 'deactivated' }),
      ),
    )
    const [first, second] = await take(server.host, 2)
    if (first?.$type !== 'com.atproto.sync.subscribeRepos#commit') throw new Error('no commit')
    expect(first.blocks).toEqual(new Uint8Array([1, 2, 3]))
    expect(first.commit.$link).toMatch(/^baf[a-z2-7]{56}$/)
    expect(first.prevData).toEqual(first.commit)
    expect(second).toEqual({
      $type: 'com.atproto.sync.subscribeRepos#account',
      ...{ seq: 2, did: 'did:web:a', time: 't', active: false, status: 'deactivated' },
    })
  })

  it('asks for the events after the cursor, or for those from now on', async () => {
    await using server = await stream(serving(6))
    expect(await seqs(server.host, 2, { cursor: 4 })).toEqual([5, 6])
    expect(await seqs(server.host, 1, { cursor: 0 })).toEqual([1])
    await seqs(server.host, 1)
    expect(server.peers.map(({ url }) => url)).toEqual([
      '/xrpc/com.atproto.sync.subscribeRepos?cursor=4',
      '/xrpc/com.atproto.sync.subscribeRepos?cursor=0',
      '/xrpc/com.atproto.sync.subscribeRepos',
    ])
  })

  it('closes the connection when the reader stops', async () => {
    await using server = await stream(serving(3))
    await take(server.host, 1)
    await until(() => server.peers[0]?.closed === true)
  })

  it('continues after a lost connection: each event once and in order', async () => {
    await using server = await stream((peer, n) => {
      serving(9)(peer)
      if (n === 0) setTimeout(() => peer.cut(), 50)
    })
    const retries: number[] = []
    const found: number[] = []
    for await (const { seq } of subscribeRepos(server.host, { onRetry: (_, wait) => retries.push(wait) })) {
      found.push(seq)
      if (seq === 4) await until(() => server.peers[0]?.closed === true)
      if (seq === 9) break
    }
    expect(found).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    await using pieces = await stream(serving(9, 4))
    expect(await seqs(pieces.host, 9)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(pieces.peers.map(({ cursor }) => cursor)).toEqual([undefined, 4, 8])
  })

  it('never yields an event twice or out of order, whatever the server sends', async () => {
    await using server = await stream((peer, n) => {
      peer.send(identity(1), identity(2), identity(2), identity(1), identity(5), identity(4))
      if (n > 0) peer.send(identity(6))
      else peer.close()
    })
    expect(await seqs(server.host, 4)).toEqual([1, 2, 5, 6])
  })

  it('waits longer after each failure, and shortly again once events arrive', async () => {
    const waits: number[] = []
    const reasons: string[] = []
    await using server = await stream(
      (peer) => {
        peer.send(identity((peer.cursor ?? 0) + 1))
        peer.cut()
      },
      (n) => n < 3,
    )
    const onRetry = (error: XrpcError, wait: number) => {
      waits.push(wait)
      reasons.push(error.error)
    }
    expect(await seqs(server.host, 3, { onRetry })).toEqual([1, 2, 3])
    expect(waits).toEqual([250, 500, 1000, 250, 250])
    expect(new Set(reasons)).toEqual(new Set(['NetworkError']))
  })

  it('gives up on a host that never answers, and not on one that did', async () => {
    const waits: number[] = []
    await using server = await stream(
      () => {},
      () => true,
    )
    expect(await failed(server.host, { retries: 2, onRetry: (_, wait) => waits.push(wait) })).toMatchObject({
      error: 'NetworkError',
      status: 0,
    })
    expect(waits).toEqual([250, 500])
  })

  it('throws what another attempt would not change', async () => {
    for (const [name, declared] of [
      ['FutureCursor', true],
      ['InvalidRequest', true],
      ['SomethingElse', false],
    ] as const) {
      await using server = await stream((peer) => {
        peer.send(identity(1), failure(name, 'because'))
        peer.close(1008)
      })
      const found: number[] = []
      const error = await (async () => {
        for await (const { seq } of subscribeRepos(server.host)) found.push(seq)
      })().catch((cause: unknown) => cause)
      expect(error).toBeInstanceOf(XrpcError)
      expect(error).toMatchObject({ error: name, message: 'because', declared })
      expect(found).toEqual([1])
    }
  })

  it.each(['ConsumerTooSlow', 'RateLimitExceeded', 'InternalServerError'])(
    'comes back after %s',
    async (name) => {
      await using server = await stream((peer, n) => {
        if (n > 0) return serving(3)(peer)
        peer.send(identity(1), identity(2), failure(name))
        peer.close(1008)
      })
      const reasons: string[] = []
      expect(await seqs(server.host, 3, { onRetry: ({ error }) => reasons.push(error) })).toEqual([1, 2, 3])
      expect(reasons).toEqual([name])
      expect(server.peers[1]?.cursor).toBe(2)
    },
  )

  it('reports an outdated cursor, and skips messages that it does not know', async () => {
    await using server = await stream((peer) => {
      peer.send(event('info', { name: 'OutdatedCursor', message: 'older' }))
      peer.send(frame({ op: 2 }, { seq: 6 }), event('weather', { seq: 7, sun: true }), event('news', {}))
      peer.send(identity(7), identity(8))
    })
    const told: unknown[] = []
    expect(await seqs(server.host, 1, { cursor: 5, onInfo: (info) => told.push(info) })).toEqual([8])
    expect(told).toEqual([
      { $type: 'com.atproto.sync.subscribeRepos#info', name: 'OutdatedCursor', message: 'older' },
    ])
  })

  it.each<[string, (peer: Peer) => void]>([
    ['that is no CBOR', (peer) => peer.send(new Uint8Array([0xff, 0xff]))],
    ['without a body', (peer) => peer.send(identity(1).subarray(0, 20))],
    ['with something after its body', (peer) => peer.send(Buffer.concat([identity(1), new Uint8Array(1)]))],
    ['without a number', (peer) => peer.send(event('identity', { did: 'did:web:a' }))],
    ['with a number that is a text', (peer) => peer.send(event('identity', { seq: '1' }))],
    ['that is two lists', (peer) => peer.send(frame([], []))],
    ['of more than 5 MB', (peer) => peer.send(commit(1, new Uint8Array(5_000_000)))],
  ])('throws on a frame %s', async (_, send) => {
    await using server = await stream(send)
    expect(await failed(server.host)).toMatchObject({ error: 'Unexpected' })
  })

  it('treats a text message as a lost connection', async () => {
    await using server = await stream((peer) => {
      if (peer.cursor === undefined) peer.send(identity(1))
      peer.text('hello')
    })
    expect(await failed(server.host, { retries: 0 })).toMatchObject({ error: 'NetworkError' })
  })

  describe('with a slow reader', () => {
    it('holds no more than the buffer and asks again for the rest', async () => {
      const bytes = 100_000
      const all = 60
      await using server = await stream((peer) => {
        for (let seq = (peer.cursor ?? 0) + 1; seq <= all; seq++)
          peer.send(commit(seq, new Uint8Array(bytes)))
      })
      const found: number[] = []
      let most = 0
      for await (const { seq } of subscribeRepos(server.host, { buffer: 1_000_000 })) {
        found.push(seq)
        await new Promise((resolve) => setTimeout(resolve, 2))
        most = Math.max(most, server.peers.length)
        if (seq === all) break
      }
      expect(found).toEqual(Array.from({ length: all }, (_, i) => i + 1))
      expect(most).toBeGreaterThan(2)
      expect(most).toBeLessThanOrEqual(7)
    })

    it('makes progress even if one event is larger than the buffer', async () => {
      await using server = await stream((peer) => {
        for (let seq = (peer.cursor ?? 0) + 1; seq <= 5; seq++) peer.send(commit(seq, new Uint8Array(1000)))
      })
      expect(await seqs(server.host, 5, { buffer: 10 })).toEqual([1, 2, 3, 4, 5])
    })
  })

  it('opens a connection again that has been silent for too long', async () => {
    await using server = await stream((peer, n) => peer.send(identity(n + 1)))
    expect(await seqs(server.host, 3, { idle: 500 })).toEqual([1, 2, 3])
    expect(server.peers.map(({ cursor }) => cursor)).toEqual([undefined, 1, 2])
  })

  describe('on the signal', () => {
    it.each(['before it begins', 'while it waits', 'between two events', 'before another attempt'])(
      'ends %s, without an error',
      async (when) => {
        const stop = new AbortController()
        await using server = await stream((peer) => {
          if (when === 'before another attempt') peer.cut()
          else if (when !== 'while it waits') peer.send(identity(1), identity(2))
        })
        if (when === 'before it begins') stop.abort()
        if (when === 'while it waits') setTimeout(() => stop.abort(), 50)
        const onRetry = () => setTimeout(() => stop.abort(), 10)
        const found: number[] = []
        // Before another attempt it would wait for up to a minute: the clock shows that the signal ended the wait.
        vi.spyOn(Math, 'random').mockReturnValue(1000)
        const begin = Date.now()
        for await (const { seq } of subscribeRepos(server.host, { signal: stop.signal, onRetry })) {
          found.push(seq)
          stop.abort()
        }
        expect(found).toEqual(when === 'between two events' ? [1] : [])
        expect(Date.now() - begin).toBeLessThan(30_000)
        await until(() => server.peers.every(({ closed }) => closed))
      },
    )
  })

  it('refuses invalid arguments before anything is sent', () => {
    expect(() => subscribeRepos('alice.example/path')).toThrow(TypeError)
    expect(() => subscribeRepos('alice.example', { cursor: -1 })).toThrow('-1 is not a cursor')
    expect(() => subscribeRepos('alice.example', { cursor: 1.5 })).toThrow(TypeError)
    vi.stubGlobal('WebSocket', undefined)
    expect(() => subscribeRepos('alice.example')).toThrow('WebSocket')
    vi.unstubAllGlobals()
  })

  it('uses TLS except for this machine', async () => {
    const urls: string[] = []
    class Recorded extends EventTarget {
      constructor(url: string) {
        super()
        urls.push(url)
      }
      close() {}
    }
    for (const host of ['alice.example', 'localhost:2583', 'https://bsky.network']) {
      const stop = new AbortController()
      setTimeout(() => stop.abort(), 10)
      for await (const _ of subscribeRepos(host, { signal: stop.signal, WebSocket: Recorded })) break
    }
    expect(urls.map((url) => new URL(url).origin)).toEqual([
      'wss://alice.example',
      'ws://localhost:2583',
      'wss://bsky.network',
    ])
  })
})
