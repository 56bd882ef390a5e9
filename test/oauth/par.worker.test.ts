import { describe, expect, it } from 'vitest'
import { hashOf } from '../../src/account/oauth/hashOf.ts'
import { inWorld } from '../handlers/support/world.ts'
import {
  ASSERTION_TYPE,
  CALLBACK,
  challengeOf,
  CLIENT_ID,
  createApp,
  type Form,
  newAssertionKey,
  newDpopKey,
  publishApp,
  publishConfidentialApp,
  said,
} from './support/app.ts'

const DIGEST = challengeOf('a verifier')

const REFUSED: [what: string, changed: Form, answer: string][] = [
  ['without a client_id', { client_id: undefined }, '400 invalid_request'],
  ['of a client_id that is not an address', { client_id: 'app' }, '400 invalid_client_metadata'],
  ['without response_type', { response_type: undefined }, '400 invalid_request'],
  ['with the response_type token', { response_type: 'token' }, '400 unsupported_response_type'],
  [
    'with the response_type code id_token',
    { response_type: 'code id_token' },
    '400 unsupported_response_type',
  ],
  ['without code_challenge', { code_challenge: undefined }, '400 invalid_request'],
  [
    'without code_challenge_method, which would be plain',
    { code_challenge_method: undefined },
    '400 invalid_request',
  ],
  ['with the code_challenge_method plain', { code_challenge_method: 'plain' }, '400 invalid_request'],
  ['with a code_challenge that is too short', { code_challenge: DIGEST.slice(1) }, '400 invalid_request'],
  [
    'with a code_challenge in another alphabet',
    { code_challenge: `+${DIGEST.slice(1)}` },
    '400 invalid_request',
  ],
  [
    'with a second spelling of a code_challenge',
    { code_challenge: `${'A'.repeat(42)}B` },
    '400 invalid_request',
  ],
  [
    'with an address of its own host that it does not declare',
    { redirect_uri: `${CALLBACK}/2` },
    '400 invalid_request',
  ],
  [
    'with a redirect_uri that differs in its query',
    { redirect_uri: `${CALLBACK}?a=1` },
    '400 invalid_request',
  ],
  [
    'with a redirect_uri that differs in case',
    { redirect_uri: CALLBACK.replace('callback', 'Callback') },
    '400 invalid_request',
  ],
  [
    'with a redirect_uri of another host',
    { redirect_uri: 'https://evil.example/callback' },
    '400 invalid_request',
  ],
  ['with a redirect_uri that runs script', { redirect_uri: 'javascript:alert(1)' }, '400 invalid_request'],
  ['with a response_mode that there is not', { response_mode: 'web_message' }, '400 invalid_request'],
  ['with a state of 4,097 characters', { state: 'x'.repeat(4097) }, '400 invalid_request'],
  ['without the scope atproto', { scope: 'transition:generic' }, '400 invalid_scope'],
  ['without a scope', { scope: undefined }, '400 invalid_scope'],
  ['with a scope that the client does not declare', { scope: 'atproto blob:*/*' }, '400 invalid_scope'],
  ['with a prompt that there is not', { prompt: 'create' }, '400 invalid_request'],
  ['with two prompts', { prompt: 'login consent' }, '400 invalid_request'],
  ['with the prompt none, of a public client', { prompt: 'none' }, '400 invalid_request'],
  ['with a login_hint that is not a handle', { login_hint: 'alice' }, '400 invalid_request'],
  ['with a login_hint that is an e-mail address', { login_hint: 'alice@example.com' }, '400 invalid_request'],
  ['with a dpop_jkt that is not a thumbprint', { dpop_jkt: 'x' }, '400 invalid_request'],
  ['with the dpop_jkt of another key than its proof', { dpop_jkt: DIGEST }, '400 invalid_dpop_proof'],
  ['with claims', { claims: '{}' }, '400 invalid_request'],
  ['with a nonce of OpenID', { nonce: 'x' }, '400 invalid_request'],
  ['with an id_token_hint', { id_token_hint: 'x' }, '400 invalid_request'],
  ['with a request object', { request: 'x.y.z' }, '400 invalid_request'],
  ['with a request_uri', { request_uri: 'urn:x' }, '400 invalid_request'],
]

describe('a request is refused', () => {
  it.each(REFUSED)('%s', (_, changed, answer) =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const refused = await app.push(changed)
      expect(said(refused)).toBe(answer)
      expect(refused.body.error_description).toEqual(expect.stringMatching(/./))
      expect(world.account.sql.first('SELECT 1 FROM oauth_request')).toBeUndefined()
    }),
  )

  it('where the client does not publish its document', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      world.hosts.set('app.example.org', () => new Response(null, { status: 404 }))
      expect(said(await app.push())).toBe('400 invalid_client_metadata')
    }))

  it('of a confidential client without a proof of itself, with one of another key, and with one twice', () =>
    inWorld({}, async (world) => {
      const { jwk, assertion } = await newAssertionKey(world)
      publishApp(world, {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [jwk] },
      })
      const app = await createApp(world)
      expect(said(await app.push())).toBe('400 invalid_client')
      const other = await newAssertionKey(world)
      const proved = (text: string) => ({ client_assertion_type: ASSERTION_TYPE, client_assertion: text })
      expect(said(await app.push(proved(await other.assertion())))).toBe('400 invalid_client')
      const text = await assertion()
      expect(said(await app.push(proved(text)))).toBe('201')
      expect(said(await app.push(proved(text)))).toBe('400 invalid_client')
    }))

  it('with a proof without a nonce, and the answer has the nonce to use', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const key = await newDpopKey(world)
      const without = { ...key, proof: (path: string) => key.proof(path, { nonce: undefined }) }
      const refused = await app.push({}, { key: without })
      expect(said(refused)).toBe('400 use_dpop_nonce')
      const nonce = refused.headers.get('dpop-nonce')
      const again = { ...key, proof: (path: string) => key.proof(path, { nonce }) }
      expect(said(await app.push({}, { key: again }))).toBe('201')
    }))

  it.each(['absent', 'deleted'])('while the account is %s', (state) =>
    inWorld({ active: state !== 'absent' }, async (world) => {
      if (state === 'deleted') {
        await world.admin.com.atproto.server.deactivateAccount({})
        await world.admin.com.cirrus.admin.deleteAccount({ did: world.did })
      }
      const app = await createApp(world)
      expect(said(await app.push())).toBe('400 invalid_request')
    }),
  )
})

describe('a request is taken', () => {
  it('without a proof, whose key may be shown with the code', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      expect(said(await app.push({}, { key: null }))).toBe('201')
    }))

  it('with parameters that nobody knows, and with scopes that this server does not know', () =>
    inWorld({}, async (world) => {
      publishApp(world, { scope: 'atproto repo:* some:thing-new' })
      const app = await createApp(world)
      const requestUri = await app.request({ colour: 'blue', scope: 'atproto repo:* some:thing-new' })
      const { expanded } = await world.account.oauth.authorizations.find(requestUri, CLIENT_ID)
      expect(expanded).toBe('atproto repo:*')
    }))

  it('with a login_hint in any case, and locales of which those that are none are left out', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const requestUri = await app.request({ login_hint: 'Alice.Example.COM', ui_locales: 'de en_US! fr-CA' })
      const { request } = await world.account.oauth.authorizations.find(requestUri, CLIENT_ID)
      expect(request).toMatchObject({ loginHint: 'alice.example.com', uiLocales: ['de', 'fr-CA'] })
    }))

  it('without a redirect_uri where the client declares one only', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const requestUri = await app.request({ redirect_uri: undefined })
      const { uri } = await world.account.oauth.authorizations.approve(requestUri, CLIENT_ID)
      expect(uri).toBe(CALLBACK)
    }))

  it('of a program in development on any port of this machine', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world, {
        clientId: `http://localhost?scope=${encodeURIComponent('atproto transition:generic')}`,
        redirectUri: 'http://127.0.0.1:45678/',
      })
      expect(said(await app.push())).toBe('201')
      expect(said(await app.push({ redirect_uri: 'http://localhost:45678/' }))).toBe('400 invalid_request')
      expect(said(await app.push({ redirect_uri: 'http://127.0.0.1:45678/other' }))).toBe(
        '400 invalid_request',
      )
    }))

  it.each(['deactivated', 'moved'])('while the account is %s: who leaves needs their apps', (state) =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      if (state === 'deactivated') await world.admin.com.atproto.server.deactivateAccount({})
      else world.account.sql.run("UPDATE account SET moved_to = 'https://new.example', moved_at = 1")
      expect(world.account.state()).toBe(state)
      expect((await app.signIn()).sub).toBe(world.did)
    }),
  )

  it('of a public client with an assertion, which is not looked at', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const assertion = { client_assertion_type: ASSERTION_TYPE, client_assertion: 'x.y.z' }
      expect(said(await app.push(assertion))).toBe('201')
    }))

  it('without a look at what the others that wait ask for, which may be long', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      await app.request()
      world.account.sql.run("UPDATE oauth_request SET detail = 'unreadable'")
      expect(said(await app.push())).toBe('201')
    }))

  it('and its name is nowhere in the database, only its hash', () =>
    inWorld({}, async (world) => {
      const app = await publishConfidentialApp(world)
      const secret = (await app.request()).split('req-')[1] ?? ''
      const row = world.account.sql.first('SELECT * FROM oauth_request')
      expect(row?.id).toBe(hashOf(secret))
      expect(JSON.stringify(row)).not.toContain(secret)
    }))
})

it('is kept 600 times in a day for a network and its neighbours: each writes rows, which a free account has few of', () =>
  inWorld({}, async (world) => {
    const app = await createApp(world)
    const from = (address: string, changed?: Form) =>
      app.push(changed, { key: null, headers: { 'cf-connecting-ip': address } })
    for (let n = 0; n < 600; n++) {
      // What is refused is not kept, and does not count.
      if (n < 3) expect((await from('2001:db8:1:2::1', { scope: 'openid' })).status).toBe(400)
      if (n % 250 === 0) world.clock.now += 5 * 60_000
      expect((await from('2001:db8:1:2::1')).status).toBe(201)
    }
    world.clock.now += 5 * 60_000
    expect(said(await from('2001:db8:1:3::1'))).toBe('429 slow_down')
    expect((await from('2001:db8:2::1')).status).toBe(201)
    world.clock.now += 24 * 3600_000
    expect((await from('2001:db8:1:2::1')).status).toBe(201)
  }))

it('is counted for each Worker of Cloudflare by itself, though they all have one address', () =>
  inWorld({}, async (world) => {
    const app = await createApp(world)
    const from = (zone: string) =>
      app.push({}, { key: null, headers: { 'cf-connecting-ip': '2a06:98c0:3600::103', 'cf-worker': zone } })
    for (let n = 0; n < 300; n++) expect((await from('stranger.workers.dev')).status).toBe(201)
    expect(said(await from('stranger.workers.dev'))).toBe('429 slow_down')
    expect((await from('app.example.org')).status).toBe(201)
  }))
