/** What is not served here goes to another service: which one, with which token and headers, and what comes back. */
import { Buffer } from 'node:buffer'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { verifyServiceToken } from '../../src/signing/serviceToken.ts'
import { COLLECT_MS } from '../../src/proxy/collectTime.ts'
import { outcome } from '../handlers/support/slow.ts'
import { inWorld } from '../handlers/support/world.ts'
import {
  APP_VIEW_DID,
  APP_VIEW_HOST,
  bearer,
  claimsOf,
  OTHER_DID,
  OTHER_HOST,
  playDidWeb,
  playService,
} from './support.ts'

const TIMELINE = '/xrpc/app.bsky.feed.getTimeline'

describe('a method that is not served', () => {
  it('goes to the AppView with a token of the account, for this method and a minute', () =>
    inWorld({}, async (world) => {
      const asked = playService(world)
      const headers = await bearer(world)
      const answer = await world.fetch(`${TIMELINE}?limit=3&cursor=%C3%A4`, { headers })
      expect([answer.status, await answer.json()]).toEqual([200, { ok: true }])
      expect(asked.map(({ url }) => url.href)).toEqual([
        `https://${APP_VIEW_HOST}${TIMELINE}?limit=3&cursor=%C3%A4`,
      ])
      const token = asked[0]?.headers.get('authorization')?.replace('Bearer ', '') ?? ''
      expect(token).not.toBe(headers['authorization'])
      const claims = await verifyServiceToken(token, {
        didKey: world.key.did,
        issuer: world.did,
        audiences: [APP_VIEW_DID],
        lxm: 'app.bsky.feed.getTimeline',
        now: world.clock.now,
      })
      expect(claims.exp).toBe(Math.floor(world.clock.now / 1000) + 60)
    }))

  it('is 401 without a credential, and nobody is asked', () =>
    inWorld({}, async (world) => {
      const asked = playService(world)
      expect(await outcome(world.fetch(TIMELINE))).toEqual([401, 'AuthMissing'])
      for (const [path, password] of [
        [TIMELINE, 'or an app password'],
        ['/xrpc/chat.bsky.convo.listConvos', 'or a privileged app password'],
      ] as const)
        expect(Object(await (await world.fetch(path)).json()).message).toContain(password)
      expect(asked).toEqual([])
    }))

  it('is not forwarded for an account that is not active', () =>
    inWorld({}, async (world) => {
      const asked = playService(world)
      const headers = await bearer(world)
      await world.admin.com.atproto.server.deactivateAccount()
      expect(await outcome(world.fetch(TIMELINE, { headers }))).toEqual([403, 'AccountDeactivated'])
      expect(asked).toEqual([])
    }))

  it('is not forwarded for other credentials than sessions', () =>
    inWorld({}, async (world) => {
      const asked = playService(world)
      const { refreshJwt } = await world.client.com.atproto.server.createSession({
        identifier: world.did,
        password: 'correct horse battery',
      })
      for (const authorization of [
        `Bearer ${refreshJwt}`,
        `Bearer ${await world.mint()}`,
        `Basic ${btoa('admin:admin-canary-5fd1')}`,
        'Bearer nonsense',
      ])
        expect(await outcome(world.fetch(TIMELINE, { headers: { authorization } }))).toEqual([
          400,
          'InvalidToken',
        ])
      const headers = { authorization: 'DPoP nonsense' }
      expect(await outcome(world.fetch(TIMELINE, { headers }))).toEqual([401, 'invalid_token'])
      expect(asked).toEqual([])
    }))

  it('has one of the three verbs', () =>
    inWorld({}, async (world) => {
      const asked = playService(world)
      const headers = await bearer(world)
      for (const method of ['PUT', 'DELETE', 'PATCH'])
        expect(await outcome(world.fetch(TIMELINE, { method, headers }))).toEqual([400, 'InvalidRequest'])
      const head = await world.fetch(TIMELINE, { method: 'HEAD', headers })
      expect([head.status, await head.text()]).toEqual([200, ''])
      expect(asked.map(({ method }) => method)).toEqual(['HEAD'])
    }))

  it('costs no row written', () =>
    inWorld({}, async (world) => {
      playService(world)
      const headers = await bearer(world)
      const before = world.account.sql.written
      expect((await world.fetch(TIMELINE, { headers })).status).toBe(200)
      expect(world.account.sql.written).toBe(before)
    }))
})

describe('the header atproto-proxy', () => {
  it.for([
    ['', 'no DID'],
    ['#bsky_appview', 'no DID'],
    ['did:web:api.example.com', 'no service after'],
    ['did:web:api.example.com#', 'no service after'],
    ['did:web:api.example.com#a#b', 'more than one #'],
    ['did:web:api.example.com##', 'more than one #'],
    ['did:web:api.example.com #a', 'a space'],
    ['did:web:api.example.com#a, did:web:api.example.com#b', 'a space'],
    ['api.example.com#bsky_appview', 'malformed'],
    ['did:web#bsky_appview', 'malformed'],
    ['did:web:api.example.com#bsky/appview', 'malformed'],
  ] as const)('is refused in another form: "%s"', ([header, problem]) =>
    inWorld({}, async (world) => {
      const headers = { ...(await bearer(world)), 'atproto-proxy': header }
      const answer = await world.fetch(TIMELINE, { headers })
      expect([answer.status, Object(await answer.json())]).toEqual([
        400,
        { error: 'InvalidRequest', message: expect.stringContaining(problem) },
      ])
    }),
  )

  it('names a service, which is found in its DID document, below the path that is there', () =>
    inWorld({}, async (world) => {
      const other = playDidWeb(world, { bsky_appview: `https://${OTHER_HOST}/some/base/`, notes: 'x' })
      const headers = { ...(await bearer(world)), 'atproto-proxy': `${OTHER_DID}#bsky_appview` }
      expect((await world.fetch(`${TIMELINE}?limit=1`, { headers })).status).toBe(200)
      const [call] = other.asked
      expect(call?.url.href).toBe(`https://${OTHER_HOST}/some/base${TIMELINE}?limit=1`)
      expect(call && claimsOf(call)).toMatchObject({ aud: OTHER_DID, lxm: 'app.bsky.feed.getTimeline' })
    }))

  it.for([
    ['has no such service', 'absent', 'no service #absent'],
    ['has an address that is not one', 'words', 'not one that can be asked'],
    ['has one with a query', 'query', 'not one that can be asked'],
    ['has one of another kind', 'object', 'no service #object'],
    ['names an address in a private network', 'private', 'IP address'],
    ['names a local name', 'local', 'local name'],
    ['names another port', 'port', 'not port 443'],
    ['names this server', 'own', 'is this server'],
    ['names this server as it was called before', 'before', 'is this server'],
  ] as const)('is 400 where the document %s', ([, id, problem]) =>
    inWorld({ env: { PREVIOUS_HOSTNAMES: 'old.example.com' } }, async (world) => {
      const itself = playService(world, 'old.example.com')
      const other = playDidWeb(world, {
        words: 'not a URL',
        query: `https://${OTHER_HOST}/?x=`,
        object: { uri: `https://${OTHER_HOST}` },
        private: 'https://10.0.0.1',
        local: 'https://printer.local',
        port: `https://${OTHER_HOST}:8443`,
        own: 'https://cirrus.example.com',
        before: 'https://old.example.com',
      })
      const headers = { ...(await bearer(world)), 'atproto-proxy': `${OTHER_DID}#${id}` }
      const answer = await world.fetch(TIMELINE, { headers })
      expect([answer.status, Object(await answer.json())]).toEqual([
        400,
        { error: 'InvalidRequest', message: expect.stringContaining(problem) },
      ])
      expect([...other.asked, ...itself]).toEqual([])
    }),
  )

  it.for([
    ['did:web:nobody.example.org', 404, [400, 'InvalidRequest']],
    ['did:web:nobody.example.org', 503, [502, 'UpstreamFailure']],
    ['did:web:printer.local', 200, [400, 'InvalidRequest']],
    ['did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme', 200, [400, 'InvalidRequest']],
    ['did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', 200, [400, 'InvalidRequest']],
  ] as const)('names a DID that does not resolve: %s, %s', ([did, status, expected]) =>
    inWorld({}, async (world) => {
      playService(world, 'nobody.example.org', () => new Response('', { status }))
      const headers = { ...(await bearer(world)), 'atproto-proxy': `${did}#x` }
      expect(await outcome(world.fetch(TIMELINE, { headers }))).toEqual(expected)
    }),
  )

  it('does not make us look anything up for a stranger', () =>
    inWorld({}, async (world) => {
      const other = playDidWeb(world, { x: `https://${OTHER_HOST}` })
      for (const authorization of [undefined, 'Bearer nonsense', `Basic ${btoa('admin:wrong')}`])
        for (const method of [TIMELINE, '/xrpc/app.bsky.feed.getFeed?feed=at://did:web:a.example/x.y.z/q']) {
          const headers = { 'atproto-proxy': `${OTHER_DID}#x`, ...(authorization && { authorization }) }
          expect((await world.fetch(method, { headers })).ok).toBe(false)
        }
      expect(other.documents()).toBe(0)
    }))

  it('changes nothing for a method that is served here', () =>
    inWorld({}, async (world) => {
      const other = playDidWeb(world, { x: `https://${OTHER_HOST}` })
      const headers = { ...(await bearer(world)), 'atproto-proxy': `${OTHER_DID}#x` }
      const answer = await world.fetch('/xrpc/com.atproto.server.getSession', { headers })
      expect(Object(await answer.json()).did).toBe(world.did)
      expect(other.asked).toEqual([])
    }))
})

describe('the headers', () => {
  it('that go on are those that are listed, and no credential', () =>
    inWorld({}, async (world) => {
      const asked = playService(world)
      const sent = {
        'accept-encoding': 'zstd',
        'accept-language': 'de',
        'atproto-accept-labelers': 'did:web:a.example',
        'x-bsky-topics': 'a',
        'x-atproto-anything': 'b',
        'content-type': 'application/json',
      }
      const kept = {
        ...(await bearer(world)),
        cookie: 'a=b',
        dpop: 'c',
        'x-forwarded-for': '10.0.0.1',
        'user-agent': 'Somebody/1.0',
        'if-none-match': '"d"',
        range: 'bytes=0-1',
      }
      await world.fetch('/xrpc/app.bsky.graph.muteActor', {
        method: 'POST',
        headers: { ...sent, ...kept },
        body: '{"actor":"did:web:a.example"}',
      })
      const [call] = asked
      if (!call) throw new Error('the AppView was not asked')
      expect([call.method, call.body]).toEqual(['POST', '{"actor":"did:web:a.example"}'])
      const arrived = Object.fromEntries(call.headers)
      expect(arrived).toMatchObject(sent)
      for (const [name, value] of Object.entries(kept)) expect(arrived[name]).not.toBe(value)
      expect(Object.keys(arrived).toSorted()).toEqual(
        [...Object.keys(sent), 'authorization', 'user-agent'].toSorted(),
      )
    }))

  it('that come back are those that are listed, and make nothing of it run', () =>
    inWorld({}, async (world) => {
      const back = {
        'content-type': 'text/html',
        'content-language': 'de',
        'atproto-repo-rev': '3k',
        'atproto-content-labelers': 'did:web:a.example',
        'retry-after': '5',
      }
      playService(world, APP_VIEW_HOST, () => {
        const headers = { ...back, 'set-cookie': 'a=b', server: 'x', 'access-control-allow-origin': 'null' }
        return new Response('<script>', { headers })
      })
      const answer = await world.fetch(TIMELINE, { headers: await bearer(world) })
      expect(await answer.text()).toBe('<script>')
      expect(Object.fromEntries(answer.headers)).toEqual({
        ...back,
        'content-security-policy': "default-src 'none'; sandbox",
        'x-content-type-options': 'nosniff',
      })
    }))
})

describe('an error of the service', () => {
  const json = (status: number, body: unknown, headers = {}) => Response.json(body, { status, headers })

  it.for<[string, () => Response, [number, string, unknown]]>([
    ['400', () => json(400, { error: 'Foo', message: 'bar' }), [400, 'Foo', 'bar']],
    ['401', () => json(401, { error: 'BadJwt', message: 'no' }), [401, 'BadJwt', 'no']],
    ['404 without a name', () => json(404, {}), [404, 'XRPCNotSupported', expect.any(String)]],
    ['418', () => json(418, { error: 'Teapot' }), [418, 'Teapot', expect.any(String)]],
    ['429', () => json(429, { error: 'RateLimitExceeded' }), [429, 'RateLimitExceeded', expect.any(String)]],
    ['500', () => json(500, { error: 'Internal', message: 'oh' }), [502, 'Internal', 'oh']],
    [
      '500 as a page',
      () => new Response('<h1>', { status: 500 }),
      [502, 'UpstreamFailure', expect.any(String)],
    ],
    ['503', () => json(503, { error: 'Busy', message: 'later' }), [503, 'Busy', 'later']],
    ['a list', () => json(400, ['x']), [400, 'InvalidRequest', expect.any(String)]],
    [
      'of the wrong types',
      () => json(400, { error: 1, message: {} }),
      [400, 'InvalidRequest', expect.any(String)],
    ],
    [
      'too long',
      () => json(400, { error: 'x'.repeat(100_000) }),
      [400, 'InvalidRequest', expect.any(String)],
    ],
    [
      'compressed',
      () =>
        new Response(gzipSync('{"error":"Foo","message":"bar"}'), {
          status: 400,
          headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
          encodeBody: 'manual',
        }),
      [400, 'Foo', 'bar'],
    ],
    [
      'a bomb',
      () =>
        new Response(gzipSync(Buffer.alloc(1e7)), {
          status: 400,
          headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
          encodeBody: 'manual',
        }),
      [400, 'InvalidRequest', expect.any(String)],
    ],
    ['a redirect', () => new Response(null, { status: 302 }), [502, 'UpstreamFailure', expect.any(String)]],
    ...[101, 700, 999].map((status): [string, () => Response, [number, string, unknown]] => [
      `the status ${status}, which is none`,
      () => Object.defineProperty(new Response('{}'), 'status', { value: status }),
      [502, 'UpstreamFailure', expect.stringContaining(`answered with status ${status}`)],
    ]),
    [
      'no answer',
      () => {
        throw new Error('gone')
      },
      [502, 'UpstreamFailure', expect.any(String)],
    ],
  ])('keeps its status, name and message, but 500 is 502: %s', ([, respond, [status, name, message]]) =>
    inWorld({}, async (world) => {
      playService(world, APP_VIEW_HOST, respond)
      const answer = await world.fetch(TIMELINE, { headers: await bearer(world) })
      expect([answer.status, await answer.json()]).toEqual([status, { error: name, message }])
    }),
  )

  it('says when to come back, and which revision it is about', () =>
    inWorld({}, async (world) => {
      const headers = { 'retry-after': '7', 'atproto-repo-rev': '3k', 'set-cookie': 'a=b' }
      playService(world, APP_VIEW_HOST, () => json(429, { error: 'RateLimitExceeded' }, headers))
      const answer = await world.fetch(TIMELINE, { headers: await bearer(world) })
      expect(
        ['retry-after', 'atproto-repo-rev', 'set-cookie'].map((name) => answer.headers.get(name)),
      ).toEqual(['7', '3k', null])
    }))
})

describe('times', () => {
  it('end a request that is not answered after 10 seconds', () =>
    inWorld({}, async (world) => {
      const arrived = Promise.withResolvers<void>()
      world.hosts.set(
        APP_VIEW_HOST,
        (_, init) =>
          new Promise((_, reject) => {
            init?.signal?.addEventListener('abort', () => reject(new Error('aborted')))
            arrived.resolve()
          }),
      )
      const answer = world.fetch(TIMELINE, { headers: await bearer(world) })
      await arrived.promise
      const [timer] = [...world.timers].filter(({ ms }) => ms === 10_000)
      world.clock.now += 10_000
      timer?.ring()
      expect(await outcome(answer)).toEqual([502, 'UpstreamFailure'])
    }))

  it('end an error that drips, which is an error in any case', () =>
    inWorld({}, async (world) => {
      const cancelled = Promise.withResolvers<void>()
      let drip = (): void => {}
      playService(world, APP_VIEW_HOST, () => {
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => {
            drip = () => controller.enqueue(new TextEncoder().encode(' '))
            drip()
          },
          cancel: () => cancelled.resolve(),
        })
        return new Response(body, { status: 400, headers: { 'content-type': 'application/json' } })
      })
      const answer = world.fetch(TIMELINE, { headers: await bearer(world) })
      const late = () => [...world.timers].filter(({ ms }) => ms === COLLECT_MS)
      await expect.poll(() => late().length).toBe(1)
      for (const { ring } of late()) ring()
      expect(await outcome(answer)).toEqual([400, 'InvalidRequest'])
      drip()
      await cancelled.promise
    }))

  it('end a body in which nothing comes for 30 seconds, but not for a reader that is slow', () =>
    inWorld({}, async (world) => {
      const cancelled = Promise.withResolvers<void>()
      let more = (): void => {}
      playService(world, APP_VIEW_HOST, () => {
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => {
            more = () => controller.enqueue(new TextEncoder().encode('x'))
            more()
          },
          cancel: () => cancelled.resolve(),
        })
        return new Response(body)
      })
      const ring = (): void => {
        for (const timer of world.timers) if (world.timers.delete(timer)) timer.ring()
      }
      const answer = await world.fetch(TIMELINE, { headers: await bearer(world) })
      const reader = answer.body?.getReader()
      // The first byte is not taken for an hour.
      world.clock.now += 3600_000
      ring()
      expect((await reader?.read())?.value?.length).toBe(1)
      const second = reader?.read()
      world.clock.now += 29_999
      ring()
      more()
      expect((await second)?.value?.length).toBe(1)
      let ended = false
      void reader?.read().catch(() => (ended = true))
      // When the wait for the third begins, is not seen from here.
      await expect
        .poll(() => {
          world.clock.now += 30_000
          ring()
          return ended
        })
        .toBe(true)
      await cancelled.promise
    }))
})
