/** What an app's access token opens, and what its proof of possession closes: each request through the real Worker. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { deploy, ORIGIN, type Deployed } from '../contract/deployed.ts'
import { inWorld } from '../handlers/support/world.ts'
import { APP_VIEW_HOST, OTHER_DID, playService } from '../proxy/support.ts'
import { makeGrant, type TestGrant } from '../support/grant.ts'

const GET_SESSION = '/xrpc/com.atproto.server.getSession'
const TIMELINE = '/xrpc/app.bsky.feed.getTimeline'

let shared: Promise<Deployed> | undefined

/** Each test has a grant of its own, of one account that none of them changes. */
const withGrant = async (
  work: (grant: TestGrant, deployed: Deployed) => Promise<void>,
  scope?: string,
): Promise<void> => {
  const deployed = await (shared ??= deploy())
  await work(await deployed.inside(({ account }) => makeGrant(account, scope)), deployed)
}

const send = async (
  { fetch }: Deployed,
  path: string,
  headers: Record<string, string>,
  init: RequestInit = {},
) => {
  const answer = await fetch(new Request(ORIGIN + path, { ...init, headers }))
  const text = await answer.text()
  const { error, message, ...json }: Record<string, unknown> = text.startsWith('{') ? JSON.parse(text) : {}
  return {
    status: answer.status,
    error,
    message,
    json,
    challenge: answer.headers.get('www-authenticate'),
    nonce: answer.headers.get('dpop-nonce'),
  }
}

describe('a request with an access token and a proof', () => {
  it('is let in, and its answer has the nonce for the next proof', () =>
    withGrant(async (grant, deployed) => {
      const answer = await send(deployed, GET_SESSION, await grant.headers('GET', GET_SESSION))
      expect(answer).toMatchObject({ status: 200, json: { did: deployed.did } })
      expect(answer.nonce).toEqual(expect.any(String))
    }))

  it('writes nothing', () =>
    withGrant(async (grant, deployed) => {
      const stored = () =>
        deployed.inside(({ account }) =>
          ['oauth_grant', 'oauth_request', 'session', 'rate', 'journal', 'event'].map((table) =>
            account.sql.all(`SELECT * FROM ${table}`),
          ),
        )
      const before = await stored()
      for (let i = 0; i < 3; i++)
        expect((await send(deployed, GET_SESSION, await grant.headers('GET', GET_SESSION))).status).toBe(200)
      expect(await stored()).toEqual(before)
    }))

  it('is asked for a nonce where it has none, or an old one', () =>
    withGrant(async (grant, deployed) => {
      for (const nonce of [undefined, 'made-up']) {
        const headers = await grant.headers('GET', GET_SESSION, { nonce })
        const answer = await send(deployed, GET_SESSION, headers)
        expect(answer).toMatchObject({ status: 401, error: 'use_dpop_nonce' })
        expect(answer.challenge).toContain('error="use_dpop_nonce"')
        const again = await grant.headers('GET', GET_SESSION, { nonce: answer.nonce })
        expect((await send(deployed, GET_SESSION, again)).status).toBe(200)
      }
    }))

  it.each<[string, (grant: TestGrant) => Promise<Record<string, string>>]>([
    ['for another method', (grant) => grant.headers('POST', GET_SESSION)],
    ['for another address', (grant) => grant.headers('GET', '/xrpc/com.atproto.sync.getRepo')],
    ['with the hash of another token', (grant) => grant.headers('GET', GET_SESSION, { ath: 'x' })],
    ['without the hash of its token', (grant) => grant.headers('GET', GET_SESSION, { ath: undefined })],
    ['that is an hour old', (grant) => grant.headers('GET', GET_SESSION, { iat: Date.now() / 1000 - 3600 })],
    ['that is missing', async (grant) => ({ authorization: `DPoP ${grant.token}` })],
  ])('is refused with a proof %s', (_, headersOf) =>
    withGrant(async (grant, deployed) => {
      const answer = await send(deployed, GET_SESSION, await headersOf(grant))
      expect(answer).toMatchObject({ status: 401, error: 'invalid_dpop_proof' })
      expect(answer.challenge).toMatch(/^DPoP .*error="invalid_dpop_proof"/)
    }),
  )

  it('is refused with a proof that was sent before', () =>
    withGrant(async (grant, deployed) => {
      const headers = await grant.headers('GET', GET_SESSION)
      expect((await send(deployed, GET_SESSION, headers)).status).toBe(200)
      expect(await send(deployed, GET_SESSION, headers)).toMatchObject({
        status: 401,
        error: 'invalid_dpop_proof',
      })
    }))

  it('is refused with the proof of another key', () =>
    withGrant(async (grant, deployed) => {
      const other = await deployed.inside(({ account }) => makeGrant(account))
      const { authorization = '' } = await grant.headers('GET', GET_SESSION)
      const ath = createHash('sha256').update(grant.token).digest('base64url')
      const { dpop = '' } = await other.headers('GET', GET_SESSION, { ath })
      expect(await send(deployed, GET_SESSION, { authorization, dpop })).toMatchObject({
        status: 401,
        error: 'invalid_token',
      })
    }))

  it('is refused once its grant has ended, so that the client refreshes and learns it', () =>
    withGrant(async (grant, deployed) => {
      await deployed.inside(({ account }) => account.oauth.grants.end(grant.id))
      const answer = await send(deployed, GET_SESSION, await grant.headers('GET', GET_SESSION))
      expect(answer).toMatchObject({ status: 401, error: 'invalid_token' })
      expect(answer.challenge).toContain('error="invalid_token"')
    }))
})

describe('an access token', () => {
  it('of a grant is not taken as a Bearer token, and the app is told how to send it', () =>
    withGrant(async (grant, deployed) => {
      expect(await send(deployed, GET_SESSION, { authorization: `Bearer ${grant.token}` })).toMatchObject({
        status: 400,
        error: 'InvalidToken',
        message: expect.stringContaining('Authorization: DPoP'),
      })
    }))

  it('of a session is no token of a grant, whatever proof comes with it', () =>
    withGrant(async (grant, deployed) => {
      const { accessJwt } = await deployed.inside(({ account }) =>
        account.sessions.create({ via: 'createSession' }),
      )
      const { dpop = '' } = await grant.headers('GET', GET_SESSION)
      expect(await send(deployed, GET_SESSION, { authorization: `DPoP ${accessJwt}`, dpop })).toMatchObject({
        status: 401,
        error: 'invalid_token',
      })
    }))
})

describe('a grant', () => {
  it('reads the address of the owner only with account:email', async () => {
    const emailWith = async (scope: string) => {
      let json: Record<string, unknown> = {}
      await withGrant(async (grant, deployed) => {
        json = (await send(deployed, GET_SESSION, await grant.headers('GET', GET_SESSION))).json
      }, scope)
      return 'emailConfirmed' in json
    }
    expect([
      await emailWith('atproto'),
      await emailWith('atproto account:email'),
      await emailWith('atproto transition:email'),
    ]).toEqual([false, true, true])
  })

  it('without the scope of a service has nothing forwarded, and is told which scope is missing', () =>
    withGrant(async (grant, deployed) => {
      const service = 'did:web:api.example.com#bsky_appview'
      const headers = { ...(await grant.headers('GET', TIMELINE)), 'atproto-proxy': service }
      expect(await send(deployed, TIMELINE, headers)).toMatchObject({
        status: 403,
        error: 'ScopeMissingError',
        message:
          'Missing required scope "rpc:app.bsky.feed.getTimeline?aud=did:web:api.example.com%23bsky_appview"',
        nonce: expect.any(String),
      })
    }, 'atproto'))

  it('signs nothing of the identity without a migration token', () =>
    withGrant(async (grant, deployed) => {
      const path = '/xrpc/com.atproto.identity.signPlcOperation'
      const headers = { ...(await grant.headers('POST', path)), 'content-type': 'application/json' }
      const answer = await send(deployed, path, headers, { method: 'POST', body: '{}' })
      expect(answer).toMatchObject({ status: 400, error: 'InvalidToken' })
      expect(answer.message).toContain('pds migrate-token')
    }))

  it('gets a token that moves the account only where its scope names that, and none that is for every method', () =>
    withGrant(async (grant, deployed) => {
      const askFor = async (query: string) => {
        const path = `/xrpc/com.atproto.server.getServiceAuth?aud=did:web:new.example.com${query}`
        const { status, error } = await send(deployed, path, await grant.headers('GET', path))
        return [status, error]
      }
      expect(await askFor('&lxm=com.atproto.server.createAccount')).toEqual([403, 'ScopeMissingError'])
      expect(await askFor('&lxm=com.atproto.Server.createAccount')).toEqual([403, 'ScopeMissingError'])
      expect(await askFor('&lxm=app.bsky.feed.getTimeline')).toEqual([200, undefined])
      expect(await askFor('')).toEqual([400, 'InvalidRequest'])
    }, 'atproto transition:generic'))

  it.each(['chat.bsky.convo.listConvos', 'Chat.Bsky.convo.listConvos'])(
    'without the scope of messages has no %s forwarded, however it is spelled',
    (method) =>
      withGrant(async (grant, deployed) => {
        const path = `/xrpc/${method}`
        const service = 'did:web:api.example.com#bsky_chat'
        const headers = { ...(await grant.headers('GET', path)), 'atproto-proxy': service }
        expect(await send(deployed, path, headers)).toMatchObject({ status: 403, error: 'ScopeMissingError' })
      }, 'atproto transition:generic'),
  )

  it('mints no migration token, and sees no app passwords', () =>
    withGrant(async (grant, deployed) => {
      for (const [method, path] of [
        ['POST', '/xrpc/com.cirrus.admin.createMigrationToken'],
        ['GET', '/xrpc/com.atproto.server.listAppPasswords'],
        ['POST', '/xrpc/com.atproto.server.activateAccount'],
      ] as const)
        expect(await send(deployed, path, await grant.headers(method, path), { method })).toMatchObject({
          status: 403,
          error: 'Forbidden',
        })
    }))
})

describe('a request that is forwarded', () => {
  it('is asked about more than once with one proof, which nobody can send again', () =>
    inWorld({}, async (world) => {
      const service = { value: { did: OTHER_DID } }
      playService(world, APP_VIEW_HOST, ({ url }) =>
        Response.json(url.pathname.endsWith('getRecord') ? service : { ok: true }),
      )
      const grant = await makeGrant(world.account)
      // The feed's generator is asked for first: the object is asked about the caller twice.
      const feed = `at://${OTHER_DID}/app.bsky.feed.generator/a`
      const path = `/xrpc/app.bsky.feed.getFeed?feed=${encodeURIComponent(feed)}`
      const headers = await grant.headers('GET', path)
      const first = await world.fetch(path, { headers })
      expect([first.status, await first.text()]).toEqual([200, '{"ok":true}'])
      const again = await world.fetch(path, { headers })
      expect([again.status, (await again.json<{ error: string }>()).error]).toEqual([
        401,
        'invalid_dpop_proof',
      ])
    }))
})
