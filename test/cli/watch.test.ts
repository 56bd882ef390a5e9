// Against fixed streams: what a user sees, and the lines that a script gets.
import { encode } from '@atproto/lex-cbor'
import { CBOR_DATA_CODEC, createCid, SHA256_HASH_CODE } from '@atproto/lex-data'
import { describe, expect, it, vi } from 'vitest'
import { carHeader, carSection } from '../../src/repo/car/writeCar.ts'
import { sha256 } from '../../src/repo/sha256.ts'
import { commit, event, failure, identity } from '../client/frames.ts'
import { type Peer, stream } from '../client/stream.ts'
import { error, fake, type Fake } from './fake.ts'
import { pds, type Ran, type RunOptions } from './support.ts'

const did = 'did:web:alice.example'
const time = '2026-11-22T10:00:00.000Z'
const bytes = encode({ $type: 'app.bsky.feed.post', text: 'hello' })
const cid = createCid(CBOR_DATA_CODEC, SHA256_HASH_CODE, sha256(bytes))
const car = new Uint8Array([...carHeader(cid), ...carSection(cid, bytes)])
const path = 'app.bsky.feed.post/3lc6zqrzlgc2d'

const everything = (): Uint8Array[] => [
  event('account', { seq: 1, did, time, active: true }),
  event('identity', { seq: 2, did, time, handle: 'alice.example' }),
  event('sync', { seq: 3, did, time, rev: '3lc6zqrzlgc2c', blocks: car }),
  commit(4, car, [
    { action: 'create', path, cid },
    { action: 'update', path, cid, prev: cid },
    { action: 'delete', path, cid: null, prev: cid },
  ]),
  commit(5, car),
  event('account', { seq: 6, did, time, active: false, status: 'deactivated' }),
]

const subscribers = (...behind: number[]) => ({
  'com.cirrus.admin.listSubscribers': {
    latest: 6,
    subscribers: behind.map((behind) => ({ cursor: 6 - behind, behind, waiting: 0 })),
  },
})

/** Runs `pds watch` until `enough` frames have been sent, and then interrupts it. */
const watch = async (
  serve: (peer: Peer, n: number) => void,
  args: readonly string[] = [],
  { server = fake(), enough = 6, ...options }: RunOptions & { server?: Fake; enough?: number } = {},
): Promise<Ran & { lines: unknown[] }> => {
  const stop = new AbortController()
  let frames = 0
  await using source = await stream((peer, n) => {
    const send = peer.send.bind(peer)
    peer.send = (...all) => {
      send(...all)
      frames += all.length
      if (frames >= enough) setTimeout(() => stop.abort(), 150)
    }
    serve(peer, n)
  })
  const ran = await pds(['watch', '--host', source.host, ...args], {
    fetch: server.fetch,
    signal: stop.signal,
    ...options,
    env: { ADMIN_PASSWORD_HOST: source.host, ...options.env },
  })
  // The port differs from run to run.
  const stderr = ran.stderr.replaceAll(source.host, 'HOST')
  const lines = args.includes('--json')
    ? ran.stdout
        .trim()
        .split('\n')
        .map((line): unknown => JSON.parse(line))
    : []
  return { ...ran, stderr, lines }
}

describe('pds watch', () => {
  it('shows each event as it arrives, and ends with 0 when it is interrupted', async () => {
    const seen = await watch((peer) => peer.send(...everything()))
    expect(seen.code).toBe(0)
    expect(seen.stdout).toMatchInlineSnapshot(`
      "1  2026-11-22T10:00:00.000Z  account   did:web:alice.example  active
      2  2026-11-22T10:00:00.000Z  identity  did:web:alice.example  alice.example
      3  2026-11-22T10:00:00.000Z  sync      did:web:alice.example  rev 3lc6zqrzlgc2c
      4  2026-11-22T10:00:00.000Z  commit    did:web:alice.example  rev 3lc6zqrzlgc2d
          create  app.bsky.feed.post/3lc6zqrzlgc2d
          update  app.bsky.feed.post/3lc6zqrzlgc2d
          delete  app.bsky.feed.post/3lc6zqrzlgc2d
      5  2026-11-22T10:00:00.000Z  commit    did:web:alice.example  rev 3lc6zqrzlgc2d, nothing changed
      6  2026-11-22T10:00:00.000Z  account   did:web:alice.example  deactivated
      "
    `)
    expect(seen.stderr).toBe('Watching http://HOST. Ctrl-C ends it.\n')
  })

  it('prints a line for each event with --json: records instead of blocks', async () => {
    const { lines, stderr } = await watch((peer) => peer.send(...everything()), ['--json'])
    expect(stderr).toBe('')
    const record = { $type: 'app.bsky.feed.post', text: 'hello' }
    const at = { collection: 'app.bsky.feed.post', rkey: '3lc6zqrzlgc2d' }
    const link = String(cid)
    expect(lines).toMatchObject([
      { type: 'account', seq: 1, did, time, active: true },
      { type: 'identity', seq: 2, handle: 'alice.example' },
      { type: 'sync', seq: 3, rev: '3lc6zqrzlgc2c', size: car.length },
      {
        type: 'commit',
        seq: 4,
        repo: did,
        ops: [
          { action: 'create', ...at, cid: link, record },
          { action: 'update', ...at, cid: link, record, prev: link },
          { action: 'delete', ...at, prev: link },
        ],
      },
      { type: 'commit', seq: 5, ops: [] },
      { type: 'account', seq: 6, active: false, status: 'deactivated' },
    ])
    expect(lines[3]).not.toHaveProperty('blocks')
  })

  it('shows a commit that cannot be read, and says why', async () => {
    const { lines } = await watch((peer) => peer.send(commit(1)), ['--json'], { enough: 1 })
    expect(lines).toMatchObject([
      { type: 'commit', seq: 1, ops: [], problem: expect.stringContaining('CBOR') },
    ])
  })

  it('shows part of a large batch, and all of it with --json', async () => {
    const ops = Array.from({ length: 200 }, (_, i) => ({ action: 'create', path: `a.b.c/${i}`, cid }))
    const serve = (peer: Peer) => peer.send(commit(1, car, ops))
    const text = await watch(serve, [], { enough: 1 })
    expect(text.stdout.split('\n')).toHaveLength(23)
    expect(text.stdout).toContain('and 180 more')
    const { lines } = await watch(serve, ['--json'], { enough: 1 })
    expect(lines[0]).toMatchObject({ ops: { length: 200 } })
  })

  it('says how many subscribers there are if the admin password is known', async () => {
    const env = { ADMIN_PASSWORD: 'admin-canary' }
    const serve = (peer: Peer) => peer.send(identity(6))
    const one = await watch(serve, [], { env, server: fake(subscribers(0)), enough: 1 })
    expect(one.stderr).toContain('1 subscriber, including this one\n')
    const three = await watch(serve, [], { env, server: fake(subscribers(0, 0, 3)), enough: 1 })
    expect(three.stderr).toContain('3 subscribers, including this one; 1 behind\n')
    const json = await watch(serve, ['--json'], { env, server: fake(subscribers(3)), enough: 1 })
    expect(json.lines).toContainEqual({
      type: 'subscribers',
      latest: 6,
      subscribers: [{ cursor: 3, behind: 3, waiting: 0 }],
    })
    const silent = fake(subscribers(0))
    await watch(serve, [], { server: silent, enough: 1 })
    expect(silent.calls).toEqual([])
  })

  it('continues without the subscribers if the server does not list them', async () => {
    const env = { ADMIN_PASSWORD: 'admin-canary' }
    const wrong = fake({
      'com.cirrus.admin.listSubscribers': error(401, 'AuthenticationRequired', 'wrong password'),
    })
    const serve = (peer: Peer) => peer.send(identity(6))
    const seen = await watch(serve, [], { env, server: wrong, enough: 1 })
    expect([seen.code, seen.stderr]).toEqual([0, expect.stringContaining('#wrong-admin-password')])
    const other = await watch(serve, [], { env, server: fake(), enough: 1 })
    expect([other.code, other.stderr]).toEqual([0, 'Watching http://HOST. Ctrl-C ends it.\n'])
  })

  it('begins at the cursor, and says which events are no longer stored', async () => {
    const cursors: unknown[] = []
    const serve = (peer: Peer) => {
      cursors.push(peer.cursor)
      peer.send(event('info', { name: 'OutdatedCursor' }), identity(9))
    }
    const seen = await watch(serve, ['--cursor', '5'], { enough: 2 })
    expect(seen.stderr).toContain('The events after 5 are no longer stored')
    const { lines } = await watch(serve, ['--cursor', '0', '--json'], { enough: 2 })
    expect(lines[0]).toEqual({ type: 'info', name: 'OutdatedCursor' })
    expect(cursors).toEqual([5, 0])
    for (const cursor of ['x', '-1', '1.5', '99999999999999999'])
      expect((await pds(['watch', '--host', 'x.example', `--cursor=${cursor}`])).code).toBe(2)
  })

  it('says that the connection was lost, and continues after it', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    const serve = (peer: Peer, n: number) => {
      peer.send(identity(n + 1))
      if (n === 0) peer.close(1012)
    }
    const seen = await watch(serve, [], { enough: 2 })
    expect(seen.stderr).toMatch(/^No connection \(.*1012.*\)\. Trying again in 0\.3 s\.$/m)
    expect(seen.stdout.split('\n').map((line) => line[0])).toEqual(['1', '2', undefined])
    const { lines } = await watch(serve, ['--json'], { enough: 2 })
    expect(lines).toMatchObject([{ seq: 1 }, { type: 'lost', error: 'NetworkError', wait: 250 }, { seq: 2 }])
    vi.restoreAllMocks()
  })

  it('ends with the server’s refusal, which is the last line with --json', async () => {
    const serve = (peer: Peer) => {
      peer.send(identity(1), failure('FutureCursor', 'cursor 9 is in the future'))
      peer.close(1008)
    }
    const seen = await watch(serve, ['--cursor', '0'], { enough: 99 })
    expect([seen.code, seen.stderr]).toEqual([2, expect.stringContaining('#future-cursor')])
    const { lines } = await watch(serve, ['--cursor', '0', '--json'], { enough: 99 })
    expect(lines).toMatchObject([{ seq: 1 }, { ok: false, error: { code: 'future-cursor' } }])
  })

  it('lets no control character of a server reach the terminal', async () => {
    const evil = '\u001B[2J'
    const serve = (peer: Peer) =>
      peer.send(
        commit(1, car, [{ action: evil, path: evil, cid: null }]),
        event('identity', { seq: 2, did: evil, time: evil, handle: evil }),
      )
    expect((await watch(serve, [], { enough: 2 })).stdout).not.toContain('\u001B')
  })
})
