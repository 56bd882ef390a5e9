/** What was just written is in the answers of an AppView that lags, lies, breaks off or sends too much. */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Lexicons } from '@atproto/lexicon'
import { schemas } from '@atproto/api'
import type { JsonObject } from '../../src/isObject.ts'
import { COLLECT_MS } from '../../src/proxy/collectTime.ts'
import { logIn } from '../handlers/support/calls.ts'
import { inWorld, type World } from '../handlers/support/world.ts'
import { type Asked, playService } from './support.ts'

const HOST = 'api.example.com'
const POST = 'app.bsky.feed.post'
const TIMELINE = 'app.bsky.feed.getTimeline'
const lexicons = new Lexicons(schemas)

interface Setup {
  world: World
  /** The revision that the AppView has seen. */
  seen: string
  post(text: string, fields?: JsonObject): Promise<{ uri: string; cid: string }>
  /** Asks for a method through the server, as the owner. */
  ask(path: string, init?: RequestInit): Promise<Response>
  /** What the AppView answers, with the revision that it has seen. */
  appView(answer: (asked: Asked) => Response | Promise<Response>): Asked[]
}

const inLaggingWorld = (work: (setup: Setup) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => {
    const owner = await world.signIn()
    const authorization = `Bearer ${(await logIn(world.client)).accessJwt}`
    await work({
      world,
      seen: (await world.head()).rev,
      post: async (text, fields = {}) => {
        world.clock.now += 1000
        const createdAt = new Date(world.clock.now).toISOString()
        return await owner.com.atproto.repo.createRecord({
          repo: world.did,
          collection: POST,
          record: { $type: POST, text, createdAt, ...fields },
        })
      },
      ask: (path, init) => world.fetch(`/xrpc/${path}`, { headers: { authorization }, ...init }),
      appView: (answer) => playService(world, HOST, answer),
    })
  })

const feed = (rev: string, fields: JsonObject = {}, headers: Record<string, string> = {}): Response =>
  Response.json({ feed: [], ...fields }, { headers: { 'atproto-repo-rev': rev, ...headers } })

const texts = (answer: unknown): string[] =>
  (answer as { feed: { post: { record: { text: string } } }[] }).feed.map(({ post }) => post.record.text)

describe('an AppView that lags', () => {
  it('is completed with what was just written, and the answer says how far it is behind', () =>
    inLaggingWorld(async ({ world, seen, post, ask, appView }) => {
      await post('one')
      world.clock.now += 1500
      appView(() => feed(seen, { cursor: 'next' }, { 'atproto-content-labelers': 'did:web:l.example.com' }))
      const answer = await ask(TIMELINE)
      const body = await answer.json<JsonObject>()
      expect([answer.status, texts(body), body.cursor]).toEqual([200, ['one'], 'next'])
      lexicons.assertValidXrpcOutput(TIMELINE, body)
      expect(answer.headers.get('atproto-upstream-lag')).toBe('1500')
      expect(answer.headers.get('atproto-repo-rev')).toBe(seen)
      expect(answer.headers.get('atproto-content-labelers')).toBe('did:web:l.example.com')
      expect(answer.headers.get('content-type')).toContain('application/json')
    }))

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
  ] as const)('may send its answer compressed by %s', (encoding, compress) =>
    inLaggingWorld(async ({ seen, post, ask, appView }) => {
      await post('one')
      appView(
        () =>
          new Response(compress('{"feed":[]}'), {
            headers: {
              'content-type': 'application/json',
              'content-encoding': encoding,
              'atproto-repo-rev': seen,
            },
            encodeBody: 'manual',
          }),
      )
      const answer = await ask(TIMELINE)
      expect(answer.headers.get('content-encoding')).toBeNull()
      expect(texts(await answer.json())).toEqual(['one'])
    }),
  )

  it('that has seen everything is passed on, byte for byte', () =>
    inLaggingWorld(async ({ world, post, ask, appView }) => {
      await post('one')
      const { rev } = await world.head()
      const odd = '{ "feed" : [] , "feed":[ ] }'
      const headers = { 'content-type': 'application/json', 'atproto-repo-rev': rev }
      appView(() => new Response(odd, { headers }))
      const answer = await ask(TIMELINE)
      expect(await answer.text()).toBe(odd)
      expect(answer.headers.get('atproto-upstream-lag')).toBeNull()
    }))

  it('answers for what is not concerned byte for byte, with its lag', () =>
    inLaggingWorld(async ({ seen, post, ask, appView }) => {
      await post('one')
      const odd = '{ "did" : "did:web:b.example.com" , "handle":"b.example.com" }'
      const headers = { 'content-type': 'application/json', 'atproto-repo-rev': seen }
      appView(() => new Response(odd, { headers }))
      const answer = await ask('app.bsky.actor.getProfile?actor=b.example.com')
      expect(await answer.text()).toBe(odd)
      expect(answer.headers.get('atproto-upstream-lag')).toBe('0')
    }))

  it('is not completed for other methods, HEAD, other types and answers without a revision', () =>
    inLaggingWorld(async ({ seen, post, ask, appView }) => {
      await post('one')
      appView(({ url }) =>
        url.searchParams.has('untold')
          ? Response.json({ feed: [] })
          : url.searchParams.has('text')
            ? new Response('{"feed":[]}', {
                headers: { 'content-type': 'text/plain', 'atproto-repo-rev': seen },
              })
            : feed(seen),
      )
      for (const path of ['app.bsky.feed.getFeedSkeleton', `${TIMELINE}?untold=1`, `${TIMELINE}?text=1`]) {
        const answer = await ask(path)
        expect([path, await answer.text(), answer.headers.get('atproto-upstream-lag')]).toEqual([
          path,
          '{"feed":[]}',
          null,
        ])
      }
      const head = await ask(TIMELINE, { method: 'HEAD' })
      expect([head.status, head.headers.get('atproto-upstream-lag')]).toEqual([200, null])
    }))

  it('is asked for what a new post quotes, as the same caller', () =>
    inLaggingWorld(async ({ seen, post, ask, appView, world }) => {
      const uri = `at://did:plc:bbbbbbbbbbbbbbbbbbbbbbbb/${POST}/1`
      const { cid } = await world.head()
      await post('quote', { embed: { $type: 'app.bsky.embed.record', record: { uri, cid } } })
      const quoted = {
        uri,
        cid,
        author: { did: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb', handle: 'b.example.com' },
        record: { $type: POST, text: 'quoted', createdAt: '2026-01-01T00:00:00Z' },
        indexedAt: '2026-01-01T00:00:00.000Z',
      }
      const asked = appView(({ url }) =>
        url.pathname.endsWith('getPosts') ? Response.json({ posts: [quoted] }) : feed(seen),
      )
      const body = await (await ask(TIMELINE)).json<JsonObject>()
      lexicons.assertValidXrpcOutput(TIMELINE, body)
      expect(body).toMatchObject({
        feed: [{ post: { embed: { record: { uri, value: { text: 'quoted' }, author: quoted.author } } } }],
      })
      const [, query] = asked
      expect(query?.url.searchParams.getAll('uris')).toEqual([uri])
      expect(query?.headers.get('authorization')).toMatch(/^Bearer /)
    }))

  it('is completed although it does not answer what is asked besides', () =>
    inLaggingWorld(async ({ world, seen, post, ask, appView }) => {
      const record = { uri: `at://did:plc:bbbbbbbbbbbbbbbbbbbbbbbb/${POST}/1`, cid: (await world.head()).cid }
      await post('quote', { embed: { $type: 'app.bsky.embed.record', record } })
      for (const fail of [
        () => new Response('x'.repeat(2_000_000)),
        () => Response.json({ error: 'Broken' }, { status: 500 }),
        () => Promise.reject(new Error('gone')),
      ]) {
        appView(({ url }) => (url.pathname.endsWith('getPosts') ? fail() : feed(seen)))
        expect(await (await ask(TIMELINE)).json()).toMatchObject({
          feed: [{ post: { embed: { record: { notFound: true } } } }],
        })
      }
    }))

  it('does not know a post yet: its thread is what was written here, below what it knows', () =>
    inLaggingWorld(async ({ world, seen, post, ask, appView }) => {
      const root = `at://did:plc:bbbbbbbbbbbbbbbbbbbbbbbb/${POST}/1`
      const ref = { uri: root, cid: (await world.head()).cid }
      const { uri } = await post('reply', { reply: { root: ref, parent: ref } })
      await post('below', {
        reply: { root: ref, parent: { uri, cid: ref.cid } },
      })
      const thread = {
        $type: 'app.bsky.feed.defs#threadViewPost',
        post: {
          ...ref,
          author: { did: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb', handle: 'b.example.com' },
          record: { $type: POST, text: 'root', createdAt: '2026-01-01T00:00:00Z' },
          indexedAt: '2026-01-01T00:00:00.000Z',
        },
      }
      const asked = appView(({ url }) =>
        url.searchParams.get('uri') === root
          ? Response.json({ thread }, { headers: { 'atproto-repo-rev': seen } })
          : Response.json(
              { error: 'NotFound', message: 'Post not found' },
              { status: 400, headers: { 'atproto-repo-rev': seen } },
            ),
      )
      const path = `app.bsky.feed.getPostThread?${new URLSearchParams({ uri }).toString()}`
      const answer = await ask(path)
      const body = await answer.json<JsonObject>()
      expect(answer.status).toBe(200)
      lexicons.assertValidXrpcOutput('app.bsky.feed.getPostThread', body)
      expect(body).toMatchObject({
        thread: {
          post: { uri, record: { text: 'reply' } },
          replies: [{ post: { record: { text: 'below' } } }],
          parent: { post: { uri: root } },
        },
      })
      expect(answer.headers.get('atproto-upstream-lag')).toBe('1000')
      expect(asked[1]?.url.searchParams.get('depth')).toBe('0')
      const other = new URLSearchParams({ uri: `at://did:web:c.example.com/${POST}/1` }).toString()
      const missing = await ask(`app.bsky.feed.getPostThread?${other}`)
      expect([missing.status, await missing.json()]).toEqual([
        400,
        { error: 'NotFound', message: 'Post not found' },
      ])
    }))
})

describe('whatever goes wrong, the answer of the AppView is passed on as it came', () => {
  const lies = [
    '',
    'not JSON',
    '[]',
    '{}',
    '{"feed":{"length":1}}',
    '{"feed":[null]}',
    '{"feed":[{"post":{"uri":1}}]}',
    `{"feed":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    '{"__proto__":{"feed":[]},"constructor":1}',
    '{"feed":[{"post":{"uri":"a","author":{"did":"b"},"indexedAt":"yesterday"}}]}',
  ]

  it.each(lies)('a lie: %.30s', (lie) =>
    inLaggingWorld(async ({ seen, post, ask, appView }) => {
      await post('one')
      const headers = { 'content-type': 'application/json', 'atproto-repo-rev': seen }
      appView(() => new Response(lie, { headers }))
      const answer = await ask(TIMELINE)
      expect([answer.status, await answer.text()]).toEqual([200, lie])
    }),
  )

  it('bytes that are not what their coding says', () =>
    inLaggingWorld(async ({ seen, post, ask, appView }) => {
      await post('one')
      for (const [encoding, bytes] of [
        ['gzip', new TextEncoder().encode('{"feed":[]}')],
        ['gzip', gzipSync('{"feed":[]}').subarray(0, 20)],
        ['zstd', new TextEncoder().encode('{"feed":[]}')],
        // 20 MB of spaces.
        ['gzip', gzipSync(new Uint8Array(20_000_000).fill(0x20))],
      ] as const) {
        appView(
          () =>
            new Response(bytes, {
              headers: {
                'content-type': 'application/json',
                'content-encoding': encoding,
                'atproto-repo-rev': seen,
              },
              encodeBody: 'manual',
            }),
        )
        const answer = await ask(TIMELINE)
        expect(answer.headers.get('content-encoding')).toBe(encoding)
        expect(new Uint8Array(await answer.arrayBuffer())).toEqual(new Uint8Array(bytes))
      }
    }))

  it('more than is merged, without a byte lost', () =>
    inLaggingWorld(async ({ seen, post, ask, appView }) => {
      await post('one')
      const block = new Uint8Array(1_000_003).map((_, n) => n % 251)
      const sent = 12
      appView(() => {
        let left = sent
        const body = new ReadableStream<Uint8Array>({
          pull: (controller) => (left-- > 0 ? controller.enqueue(block.slice()) : controller.close()),
        })
        return new Response(body, {
          headers: { 'content-type': 'application/json', 'atproto-repo-rev': seen },
        })
      })
      const answer = await ask(TIMELINE)
      const bytes = new Uint8Array(await answer.arrayBuffer())
      expect(bytes.length).toBe(sent * block.length)
      for (let n = 0; n < sent; n++)
        expect(bytes.subarray(n * block.length, (n + 1) * block.length)).toEqual(block)
    }))

  /** An answer that is merged once it has ended, of which the test sends the padding. */
  const padded = (rev: string) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, {
      highWaterMark: 100,
    })
    const writer = writable.getWriter()
    const send = (text: string) => writer.write(new TextEncoder().encode(text))
    return {
      response: new Response(readable, {
        headers: { 'content-type': 'application/json', 'atproto-repo-rev': rev },
      }),
      begin: () => send('{"feed":[],"padding":"'),
      pad: (bytes: number) => send(' '.repeat(bytes)),
      end: () => Promise.all([send('"}'), writer.close()]),
    }
  }
  const MB = 1024 * 1024

  it('one that drips is passed on as it drips', () =>
    inLaggingWorld(async ({ world, seen, post, ask, appView }) => {
      await post('one')
      const service = padded(seen)
      appView(() => service.response)
      const asking = ask(TIMELINE)
      await service.begin()
      const late = () => [...world.timers].filter(({ ms }) => ms === COLLECT_MS)
      await expect.poll(() => late().length).toBe(1)
      for (const { ring } of late()) ring()
      const answer = await asking
      const reader = answer.body?.getReader()
      expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('{"feed":[],"padding":"')
      const rest = reader?.read()
      await service.pad(3)
      expect(new TextDecoder().decode((await rest)?.value)).toBe('   ')
      await service.end()
      expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('"}')
      expect((await reader?.read())?.done).toBe(true)
    }))

  it('more than is held at once, until others have ended or were lost', () =>
    inLaggingWorld(async ({ world, seen, post, ask, appView }) => {
      await post('one')
      const held = [padded(seen), padded(seen)]
      const asking: Promise<Response>[] = []
      for (const service of held) {
        appView(() => service.response)
        asking.push(ask(TIMELINE))
        await service.begin()
        for (let n = 0; n < 9; n++) await service.pad(MB)
      }
      const third = async () => {
        const service = padded(seen)
        appView(() => service.response)
        const answer = ask(TIMELINE)
        const sent = [service.begin(), service.pad(3 * MB), service.end()]
        const body = await (await answer).json()
        await Promise.all(sent)
        return texts(body)
      }
      // The others are in the memory now.
      await expect.poll(third).toEqual([])
      await held[0]?.end()
      expect(texts(await (await asking[0])?.json())).toEqual(['one'])
      expect(await third()).toEqual(['one'])
      const again = padded(seen)
      appView(() => again.response)
      const lost = ask(TIMELINE)
      await again.begin()
      for (let n = 0; n < 9; n++) await again.pad(MB)
      await expect.poll(third).toEqual([])
      world.clock.now += COLLECT_MS + 10_000
      expect(await third()).toEqual(['one'])
      for (const service of [held[1], again]) await service?.end()
      await Promise.all([asking[1], lost].map(async (answer) => (await answer)?.text()))
    }))

  it('revisions that are none', () =>
    inLaggingWorld(async ({ post, ask, appView }) => {
      await post('one')
      for (const rev of ['0', '-1', 'zzzzzzzzzzzzz', "3' OR '1'='1", '2222222222222']) {
        appView(() => feed(rev))
        expect(await (await ask(TIMELINE)).text()).toBe('{"feed":[]}')
      }
    }))

  it('an answer that breaks off is an error, not half an answer', () =>
    inLaggingWorld(async ({ seen, post, ask, appView }) => {
      await post('one')
      appView(() => {
        const body = new ReadableStream<Uint8Array>({
          pull: (controller) => {
            controller.enqueue(new TextEncoder().encode('{"feed":['))
            controller.error(new Error('gone'))
          },
        })
        const headers = { 'content-type': 'application/json', 'atproto-repo-rev': seen }
        return new Response(body, { headers })
      })
      const answer = await ask(TIMELINE)
      expect([answer.status, await answer.json()]).toMatchObject([502, { error: 'UpstreamFailure' }])
    }))

  it('an object that fails or does not answer', () =>
    inLaggingWorld(async ({ world, seen, post, ask, appView }) => {
      await post('one')
      appView(() => feed(seen))
      const { views } = world.account
      const { plan, merge } = views
      const fail = (): never => {
        throw new Error('the object died')
      }
      views.plan = fail
      expect(await (await ask(TIMELINE)).text()).toBe('{"feed":[]}')
      views.plan = plan
      views.merge = fail
      expect(await (await ask(TIMELINE)).text()).toBe('{"feed":[]}')
      views.merge = merge
      expect(texts(await (await ask(TIMELINE)).json())).toEqual(['one'])
    }))
})
