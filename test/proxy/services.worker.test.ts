/** Which methods go where without being told, and those that are for another service than their name says. */
import { describe, expect, it } from 'vitest'
import { accessToken } from '../handlers/support/accessToken.ts'
import { outcome } from '../handlers/support/slow.ts'
import { inWorld, type World } from '../handlers/support/world.ts'
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

const SERVICES = {
  MODERATION: 'https://mod.example.com did:web:mod.example.com',
  CHAT: 'https://chat.example.com/base did:web:chat.example.com',
}

describe('without a header', () => {
  it.for([
    ['app.bsky.feed.getTimeline', APP_VIEW_HOST, ''],
    ['com.example.whatever', APP_VIEW_HOST, ''],
    ['com.atproto.identity.resolveDid', APP_VIEW_HOST, ''],
    ['tools.ozone.moderation.queryEvents', 'mod.example.com', ''],
    ['com.atproto.moderation.createReport', 'mod.example.com', ''],
    ['chat.bsky.convo.listConvos', 'chat.example.com', '/base'],
  ] as const)('%s goes to %s', ([method, host, base]) =>
    inWorld({ env: SERVICES }, async (world) => {
      const asked = playService(world, host)
      const answer = await world.fetch(`/xrpc/${method}`, { method: 'POST', headers: await bearer(world) })
      expect(answer.status).toBe(200)
      expect(asked.map(({ url }) => url.pathname)).toEqual([`${base}/xrpc/${method}`])
      expect(asked[0] && claimsOf(asked[0])).toMatchObject({ aud: `did:web:${host}`, lxm: method })
    }),
  )

  it.for([
    ['app.bsky.feed.getTimeline', 'APPVIEW'],
    ['com.atproto.moderation.createReport', 'MODERATION'],
    ['chat.bsky.convo.listConvos', 'CHAT'],
  ] as const)('%s is 400 where the configuration has none, and names %s', ([method, variable]) =>
    inWorld({ env: { APPVIEW: '', MODERATION: '', CHAT: '' } }, async (world) => {
      const answer = await world.fetch(`/xrpc/${method}`, { headers: await bearer(world) })
      expect([answer.status, Object(await answer.json()).message]).toEqual([
        400,
        expect.stringContaining(variable),
      ])
    }),
  )
})

it('says in development where to set it', () =>
  inWorld({ env: { APPVIEW: undefined, DEV: 'true' } }, async (world) => {
    const answer = await world.fetch('/xrpc/app.bsky.feed.getTimeline', { headers: await bearer(world) })
    expect([answer.status, Object(await answer.json()).message]).toEqual([
      400,
      expect.stringMatching(/APPVIEW .* `npm run dev`/),
    ])
  }))

describe('never forwarded, whatever a header says', () => {
  it.for([
    ['com.atproto.server.GetSession', 400, 'InvalidToken'],
    ['com.atproto.server.createsession', 400, 'InvalidToken'],
    ['COM.ATPROTO.SERVER.DELETEACCOUNT', 400, 'InvalidToken'],
    ['com.atproto.identity.signplcoperation', 400, 'InvalidToken'],
    ['com.atproto.identity.UpdateHandle', 400, 'InvalidToken'],
    ['com.atproto.admin.sendEmail', 400, 'InvalidToken'],
    ['com.cirrus.admin.getstatus', 400, 'InvalidToken'],
    ['com.cirrus.other.thing', 400, 'InvalidToken'],
    ['com.atproto.admin.getAccountInfo', 501, 'MethodNotImplemented'],
    ['com.atproto.server.createInviteCode', 501, 'MethodNotImplemented'],
    ['com.atproto.Server.createInviteCode', 501, 'MethodNotImplemented'],
    ['com.atproto.sync.notifyOfUpdate', 501, 'MethodNotImplemented'],
    ['com.atproto.sync.getrepo', 501, 'MethodNotImplemented'],
    ['word', 501, 'MethodNotImplemented'],
    ['app.bsky', 501, 'MethodNotImplemented'],
  ] as const)('%s', ([method, status, name]) =>
    inWorld({ env: SERVICES }, async (world) => {
      const asked = playService(world)
      const other = playDidWeb(world, { x: `https://${OTHER_HOST}` })
      const session = await bearer(world)
      for (const header of [undefined, { 'atproto-proxy': `${OTHER_DID}#x` }])
        for (const verb of ['GET', 'POST']) {
          const answer = world.fetch(`/xrpc/${method}`, { method: verb, headers: { ...session, ...header } })
          expect(await outcome(answer)).toEqual([status, name])
        }
      expect([...asked, ...other.asked]).toEqual([])
    }),
  )
})

describe('getFeed', () => {
  const FEED = 'at://did:web:maker.example/app.bsky.feed.generator/cats'
  const GET_FEED = `/xrpc/app.bsky.feed.getFeed?feed=${encodeURIComponent(FEED)}&limit=5`
  const isLookUp = ({ url }: { url: URL }) => url.pathname.endsWith('com.atproto.repo.getRecord')

  const playAppView = (world: World, record: () => Response) =>
    playService(world, APP_VIEW_HOST, (call) => (isLookUp(call) ? record() : Response.json({ feed: [] })))
  const ofMaker = () => Response.json({ uri: FEED, value: { did: 'did:web:feeds.example' } })

  it('gets a token for the service that makes the feed, which its record names; that is looked up once', () =>
    inWorld({}, async (world) => {
      const asked = playAppView(world, ofMaker)
      const headers = await bearer(world)
      for (const _ of [1, 2]) expect((await world.fetch(GET_FEED, { headers })).status).toBe(200)
      const [lookUp, ...calls] = asked
      expect(lookUp?.url.search).toBe(
        '?repo=did%3Aweb%3Amaker.example&collection=app.bsky.feed.generator&rkey=cats',
      )
      expect(lookUp && claimsOf(lookUp)).toBe(undefined)
      expect(calls.map(({ url }) => url.pathname + url.search)).toEqual([GET_FEED, GET_FEED])
      for (const call of calls)
        expect(claimsOf(call)).toMatchObject({
          aud: 'did:web:feeds.example',
          lxm: 'app.bsky.feed.getFeedSkeleton',
        })
    }))

  it.for<[string, () => Response, [number, string]]>([
    ['names none', () => Response.json({ value: {} }), [400, 'UnknownFeed']],
    ['names none that is a DID', () => Response.json({ value: { did: 'x' } }), [400, 'UnknownFeed']],
    [
      'is not there',
      () => Response.json({ error: 'RecordNotFound', message: 'no' }, { status: 400 }),
      [400, 'RecordNotFound'],
    ],
    ['cannot be had', () => new Response('', { status: 503 }), [502, 'UpstreamFailure']],
    ['is not JSON', () => new Response('<p>'), [502, 'UpstreamFailure']],
  ])('says so where the record %s', ([, record, expected]) =>
    inWorld({}, async (world) => {
      playAppView(world, record)
      expect(await outcome(world.fetch(GET_FEED, { headers: await bearer(world) }))).toEqual(expected)
    }),
  )

  it.for(['', '?feed=', '?feed=cats', '?feed=at://did:web:a.example/app.bsky.feed.generator'])(
    'needs the URI of a record: "%s"',
    (search) =>
      inWorld({}, async (world) => {
        const asked = playAppView(world, ofMaker)
        const answer = world.fetch(`/xrpc/app.bsky.feed.getFeed${search}`, { headers: await bearer(world) })
        expect(await outcome(answer)).toEqual([400, 'InvalidRequest'])
        expect(asked).toEqual([])
      }),
  )
})

describe('registerPush and unregisterPush', () => {
  const send = async (world: World, method: string, body: string, headers = {}) =>
    await world.fetch(`/xrpc/app.bsky.notification.${method}`, {
      method: 'POST',
      headers: { ...(await bearer(world)), 'content-type': 'application/json', ...headers },
      body,
    })

  it.for(['registerPush', 'unregisterPush'])('go to the service in their body: %s', (method) =>
    inWorld({}, async (world) => {
      const other = playDidWeb(world, { bsky_notif: `https://${OTHER_HOST}/push` }, () => new Response(null))
      const body = JSON.stringify({ serviceDid: OTHER_DID, token: 'ä', platform: 'ios', appId: 'x' })
      // A header does not change that, as on the reference.
      const answer = await send(world, method, body, { 'atproto-proxy': `${APP_VIEW_DID}#bsky_appview` })
      expect([answer.status, await answer.text()]).toEqual([200, ''])
      expect(other.asked.map(({ url, body }) => [url.pathname, body])).toEqual([
        [`/push/xrpc/app.bsky.notification.${method}`, body],
      ])
      expect(other.asked[0] && claimsOf(other.asked[0])).toMatchObject({ aud: OTHER_DID })
    }),
  )

  it('go to the AppView where it is the service, without a look at its document', () =>
    inWorld({}, async (world) => {
      const asked = playService(world)
      expect((await send(world, 'registerPush', JSON.stringify({ serviceDid: APP_VIEW_DID }))).status).toBe(
        200,
      )
      expect(asked.map(({ url }) => url.pathname)).toEqual(['/xrpc/app.bsky.notification.registerPush'])
    }))

  it.for([
    ['{}', 400, 'InvalidRequest'],
    ['{"serviceDid":1}', 400, 'InvalidRequest'],
    ['{"serviceDid":"nobody"}', 400, 'InvalidRequest'],
    ['[]', 400, 'InvalidRequest'],
    ['', 400, 'InvalidRequest'],
    [`{"serviceDid":"did:web:a.example","x":"${'x'.repeat(20_000)}"}`, 413, 'PayloadTooLarge'],
  ] as const)('need one: %#', ([body, status, name]) =>
    inWorld({}, async (world) => {
      expect(await outcome(send(world, 'registerPush', body))).toEqual([status, name])
    }),
  )
})

describe('preferences', () => {
  const READ = '/xrpc/app.bsky.actor.getPreferences'
  const WRITE = '/xrpc/app.bsky.actor.putPreferences'

  it('are kept here, also where a request names the AppView that is configured', () =>
    inWorld({}, async (world) => {
      const asked = playService(world)
      const session = await bearer(world)
      for (const header of [undefined, { 'atproto-proxy': `${APP_VIEW_DID}#bsky_appview` }]) {
        const answer = await world.fetch(READ, { headers: { ...session, ...header } })
        expect([answer.status, await answer.json()]).toEqual([200, { preferences: [] }])
      }
      expect(asked).toEqual([])
    }))

  it('are another AppView’s where a request names it', () =>
    inWorld({}, async (world) => {
      const other = playDidWeb(world, { bsky_appview: `https://${OTHER_HOST}` })
      const headers = { ...(await bearer(world)), 'atproto-proxy': `${OTHER_DID}#bsky_appview` }
      const body = '{"preferences":[]}'
      expect(await (await world.fetch(READ, { headers })).json()).toEqual({ ok: true })
      expect((await world.fetch(WRITE, { method: 'POST', headers, body })).status).toBe(200)
      expect(other.asked.map(({ method, url, body }) => [method, url.pathname, body])).toEqual([
        ['GET', READ, ''],
        ['POST', WRITE, body],
      ])
      const bad = { ...headers, 'atproto-proxy': 'nobody' }
      expect(await outcome(world.fetch(READ, { headers: bad }))).toEqual([400, 'InvalidRequest'])
      expect(await outcome(world.fetch(READ, { headers: { 'atproto-proxy': `${OTHER_DID}#x` } }))).toEqual([
        401,
        'AuthMissing',
      ])
    }))
})

describe('a session of an app password', () => {
  it.for([
    ['appPassword', 'app.bsky.feed.getTimeline', 200],
    ['appPassword', 'chat.bsky.convo.listConvos', 400],
    ['appPassword', 'chat.bsky.Convo.listConvos', 400],
    ['appPassword', 'chat.bsky.moderation.somethingNew', 400],
    ['appPasswordPrivileged', 'app.bsky.feed.getTimeline', 200],
    ['appPasswordPrivileged', 'chat.bsky.convo.listConvos', 200],
    ['session', 'chat.bsky.convo.listConvos', 200],
  ] as const)('%s may call %s: %s', ([kind, method, status]) =>
    inWorld({ env: SERVICES }, async (world) => {
      const asked = [playService(world), playService(world, 'chat.example.com')]
      const headers = { authorization: `Bearer ${await accessToken(world.account, kind)}` }
      const answer = await world.fetch(`/xrpc/${method}`, { headers })
      expect([answer.status, asked.flat().length]).toEqual([status, status === 200 ? 1 : 0])
      if (status !== 200) expect(Object(await answer.json()).error).toBe('InvalidToken')
      else await answer.body?.cancel()
    }),
  )
})
