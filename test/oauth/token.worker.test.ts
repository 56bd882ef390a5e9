import { describe, expect, it } from 'vitest'
import { inWorld, type World } from '../handlers/support/world.ts'
import {
  type App,
  CALLBACK,
  challengeOf,
  CLIENT_HOST,
  CLIENT_ID,
  createApp,
  type Form,
  newAssertionKey,
  newDpopKey,
  publishApp,
  publishConfidentialApp,
  said,
  tokensOf,
} from './support/app.ts'

const DAY_MS = 24 * 3600_000
const YEAR_MS = 365.25 * DAY_MS

/** Why the latest grants ended, oldest first. */
const reasons = ({ account }: World): unknown[] =>
  account.journal
    .page({ limit: 100 })
    .entries.filter(({ event }) => event === 'end-grants')
    .map(({ detail }) => detail.reason)
    .toReversed()

const hasGrant = ({ account }: World): boolean => account.oauth.grants.list().length > 0

describe('a code', () => {
  it('is exchanged once: the second use ends what the first one gave', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const code = await app.code()
      const { refresh_token } = tokensOf(await app.exchange(code))
      expect(said(await app.exchange(code))).toBe('400 invalid_grant')
      expect(hasGrant(world)).toBe(false)
      expect(reasons(world)).toEqual(['code used twice'])
      expect(said(await app.refresh(refresh_token))).toBe('400 invalid_grant')
    }))

  it('is good for five minutes', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const [inTime, late] = [await app.code(), await app.code()]
      world.clock.now += 5 * 60_000 - 1
      const { verifier } = app
      expect(said(await app.exchange(late, { code_verifier: verifier }))).toBe('200')
      world.clock.now += 1
      expect(said(await app.exchange(inTime))).toBe('400 invalid_grant')
      expect(world.account.sql.all('SELECT id FROM oauth_grant')).toHaveLength(1)
    }))

  const MISUSED: [what: string, changed: Form][] = [
    ['without the verifier', { code_verifier: undefined }],
    ['with an empty verifier', { code_verifier: '' }],
    ['with another verifier', { code_verifier: 'v'.repeat(43) }],
    ['with a verifier that is too short', { code_verifier: 'v'.repeat(42) }],
    ['without its redirect_uri', { redirect_uri: undefined }],
    ['with another redirect_uri of the client', { redirect_uri: `${CALLBACK}2` }],
    ['by another client', { client_id: 'http://localhost' }],
  ]
  it.each(MISUSED)('that is shown %s is worth nothing from then on', (_, changed) =>
    inWorld({}, async (world) => {
      publishApp(world, { redirect_uris: [CALLBACK, `${CALLBACK}2`] })
      const app = await createApp(world)
      const code = await app.code()
      expect(said(await app.exchange(code, changed))).toBe('400 invalid_grant')
      expect(said(await app.exchange(code))).toBe('400 invalid_grant')
      expect(reasons(world)).toEqual(['code misused'])
    }),
  )

  it.each([
    ['that was made up', (code: string) => code.slice(0, -1) + (code.endsWith('0') ? '1' : '0')],
    ['that is not one', () => 'x'],
    ['that is a refresh token in form', () => `ref-${'0'.repeat(32)}-${'0'.repeat(32)}-${'A'.repeat(43)}`],
  ])('%s is refused, and the true one stays good', (_, change) =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const code = await app.code()
      expect(said(await app.exchange(change(code)))).toBe('400 invalid_grant')
      expect(said(await app.exchange(code))).toBe('200')
    }),
  )

  it('binds what it gives to the key of the proof: of the request, where it had one', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const other = await newDpopKey(world)
      expect(said(await app.exchange(await app.code(), {}, { key: other }))).toBe('400 invalid_grant')
      const requestUri = String((await app.push({}, { key: null })).body.request_uri)
      const { params } = await world.account.oauth.authorizations.approve(requestUri, CLIENT_ID)
      const { access_token } = tokensOf(await app.exchange(params.code ?? '', {}, { key: other }))
      expect((await world.account.oauth.grantTokens.verify(access_token)).jkt).toBe(other.jkt)
    }))

  it('of a request that named a key by dpop_jkt is exchanged with that key only', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const named = await newDpopKey(world)
      const requestUri = String((await app.push({ dpop_jkt: named.jkt }, { key: null })).body.request_uri)
      const { params } = await world.account.oauth.authorizations.approve(requestUri, CLIENT_ID)
      expect(said(await app.exchange(params.code ?? '', {}, { key: named }))).toBe('200')
    }))

  it('needs a proof', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const code = await app.code()
      expect(said(await app.exchange(code, {}, { key: null }))).toBe('400 invalid_dpop_proof')
      expect(said(await app.exchange(code))).toBe('200')
    }))

  it('of a request with a code_challenge that was used in the last day is refused', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      await app.signIn()
      const { verifier } = app
      const again = { code_challenge: challengeOf(verifier) }
      const use = async () => said(await app.exchange(await app.code(again), { code_verifier: verifier }))
      expect(await use()).toBe('400 invalid_grant')
      world.clock.now += DAY_MS
      expect(await use()).toBe('200')
    }))

  it('and refresh tokens are kept as hashes', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const code = await app.code()
      const { refresh_token } = tokensOf(await app.exchange(code))
      const stored = JSON.stringify(world.account.sql.all('SELECT * FROM oauth_grant'))
      for (const secret of [code, refresh_token]) {
        expect(stored).not.toContain(secret)
        expect(stored).not.toContain(secret.split('-').at(-1))
      }
    }))
})

describe('a refresh token', () => {
  it('is used once: a replay ends the grant, and the tokens that came after it', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const first = await app.signIn()
      const second = tokensOf(await app.refresh(first.refresh_token))
      expect(said(await app.refresh(first.refresh_token))).toBe('400 invalid_grant')
      expect(reasons(world)).toEqual(['refresh token used twice'])
      expect(said(await app.refresh(second.refresh_token))).toBe('400 invalid_grant')
    }))

  it('is used once even by two requests at the same time', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const { refresh_token } = await app.signIn()
      const answers = await Promise.all([app.refresh(refresh_token), app.refresh(refresh_token)])
      expect(answers.map(said).toSorted()).toEqual(['200', '400 invalid_grant'])
      expect(hasGrant(world)).toBe(false)
    }))

  it('with another key, or by another app, ends the grant', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const one = await app.signIn()
      const key = await newDpopKey(world)
      expect(said(await app.refresh(one.refresh_token, {}, { key }))).toBe('400 invalid_grant')
      const two = await app.signIn()
      expect(said(await app.refresh(two.refresh_token, { client_id: 'http://localhost' }))).toBe(
        '400 invalid_grant',
      )
      expect(reasons(world)).toEqual(['refresh token with another key', 'refresh token of another app'])
    }))

  it.each([
    ['that was made up', (token: string) => token.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'))],
    [
      'with another id of the grant',
      (token: string) => token.replace(/^ref-./, (it) => (it === 'ref-0' ? 'ref-1' : 'ref-0')),
    ],
    ['that is not one', () => 'x'],
  ])('%s is refused, and nothing ends', (_, change) =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const { refresh_token } = await app.signIn()
      expect(said(await app.refresh(change(refresh_token)))).toBe('400 invalid_grant')
      expect(said(await app.refresh(refresh_token))).toBe('200')
    }),
  )

  it('of a public client is good for two weeks from the sign-in, however often it is used', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      let { refresh_token } = await app.signIn()
      for (let day = 0; day < 13; day++) {
        world.clock.now += DAY_MS
        ;({ refresh_token } = tokensOf(await app.refresh(refresh_token)))
      }
      world.clock.now += DAY_MS - 60_000
      // The access token ends with the grant.
      const last = tokensOf(await app.refresh(refresh_token))
      expect(last.expires_in).toBe(60)
      world.clock.now += 60_000
      expect(said(await app.refresh(last.refresh_token))).toBe('400 invalid_grant')
      expect(hasGrant(world)).toBe(false)
    }))

  it('of a confidential client is good for three months, and its grant for two years', () =>
    inWorld({}, async (world) => {
      const app = await publishConfidentialApp(world)
      const began = world.clock.now
      const unused = await app.signIn()
      let { refresh_token } = await app.signIn()
      while (world.clock.now + 80 * DAY_MS < began + 2 * YEAR_MS) {
        world.clock.now += 80 * DAY_MS
        ;({ refresh_token } = tokensOf(await app.refresh(refresh_token)))
        if (world.clock.now === began + 160 * DAY_MS)
          expect(said(await app.refresh(unused.refresh_token))).toBe('400 invalid_grant')
      }
      world.clock.now = began + 2 * YEAR_MS
      expect(said(await app.refresh(refresh_token))).toBe('400 invalid_grant')
    }))

  it('is refused once the client has another key, and its grant ends', () =>
    inWorld({}, async (world) => {
      const app = await publishConfidentialApp(world)
      const { refresh_token } = await app.signIn()
      const next = await newAssertionKey(world, 'key-2')
      publishApp(world, {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [next.jwk] },
      })
      world.clock.now += 3600_000
      const changed = await createApp(world, { assertion: next.assertion })
      const refused = await changed.refresh(refresh_token, {}, { key: app.key })
      expect(said(refused)).toBe('400 invalid_grant')
      expect(reasons(world)).toEqual(['key of the app changed'])
    }))

  it('is refused with the key that the client has taken out of its document, and its grant ends', () =>
    inWorld({}, async (world) => {
      const app = await publishConfidentialApp(world)
      const { refresh_token } = await app.signIn()
      const next = await newAssertionKey(world, 'key-2')
      publishApp(world, {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [next.jwk] },
      })
      world.clock.now += 3600_000
      expect(said(await app.refresh(refresh_token))).toBe('400 invalid_grant')
      expect(hasGrant(world)).toBe(false)
    }))

  it('stays good while the document of the client cannot be had, or a proof of it is wrong', () =>
    inWorld({}, async (world) => {
      const app = await publishConfidentialApp(world)
      const { refresh_token } = await app.signIn()
      const document = world.hosts.get(CLIENT_HOST)
      world.clock.now += 3600_000
      world.hosts.set(CLIENT_HOST, () => new Response(null, { status: 503 }))
      const wrong = await app.refresh(refresh_token, { client_assertion: 'x.y.z' })
      expect(wrong.status).toBe(400)
      expect(hasGrant(world)).toBe(true)
      if (document) world.hosts.set(CLIENT_HOST, document)
      world.clock.now += 3600_000
      expect(said(await app.refresh(refresh_token))).toBe('200')
    }))

  it('writes one row, the grant’s, and an exchange too', () =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      const code = await app.code()
      const { sql } = world.account
      const written = async (work: () => Promise<unknown>) => {
        const before = sql.written
        await work()
        return sql.written - before
      }
      let refreshToken = ''
      expect(
        await written(async () => ({ refresh_token: refreshToken } = tokensOf(await app.exchange(code)))),
      ).toBe(1)
      expect(await written(() => app.refresh(refreshToken))).toBe(1)
    }))
})

describe('the token endpoint', () => {
  const REFUSED: [what: string, form: Form, answer: string][] = [
    ['without grant_type', { grant_type: undefined }, '400 invalid_request'],
    ['with the grant_type password', { grant_type: 'password' }, '400 unsupported_grant_type'],
    [
      'with the grant_type client_credentials',
      { grant_type: 'client_credentials' },
      '400 unsupported_grant_type',
    ],
    ['without a code', { grant_type: 'authorization_code' }, '400 invalid_request'],
    ['without a refresh token', { grant_type: 'refresh_token' }, '400 invalid_request'],
    [
      'without a client_id',
      { grant_type: 'refresh_token', refresh_token: 'x', client_id: undefined },
      '400 invalid_request',
    ],
  ]
  it.each(REFUSED)('refuses a request %s', (_, form, answer) =>
    inWorld({}, async (world) => {
      const app = await createApp(world)
      expect(said(await app.call('/oauth/token', form))).toBe(answer)
    }),
  )
})

describe('revoking', () => {
  const signedIn = async (
    world: World,
  ): Promise<{ app: App; tokens: Awaited<ReturnType<App['signIn']>> }> => {
    const app = await createApp(world)
    return { app, tokens: await app.signIn() }
  }

  it.each(['access_token', 'refresh_token'] as const)('by the %s ends the grant', (token) =>
    inWorld({}, async (world) => {
      const { app, tokens } = await signedIn(world)
      expect(said(await app.revoke(tokens[token]))).toBe('200')
      expect(hasGrant(world)).toBe(false)
      expect(world.journal().at(-1)).toBe('app-sign-out')
      expect(said(await app.revoke(tokens[token]))).toBe('200')
    }),
  )

  it('is answered with 200 and ends nothing for another key, another client, no proof, and another token', () =>
    inWorld({}, async (world) => {
      const { app, tokens } = await signedIn(world)
      const key = await newDpopKey(world)
      const { access_token: token } = tokens
      expect(said(await app.revoke(token, {}, { key }))).toBe('200')
      expect(said(await app.revoke(token, {}, { key: null }))).toBe('200')
      expect(said(await app.revoke(token, { client_id: 'http://localhost' }))).toBe('200')
      expect(said(await app.revoke('x'))).toBe('200')
      const session = await world.signIn()
      expect(said(await app.revoke(session.session?.accessJwt ?? ''))).toBe('200')
      expect(hasGrant(world)).toBe(true)
    }))

  it('of a confidential client needs its proof', () =>
    inWorld({}, async (world) => {
      const app = await publishConfidentialApp(world)
      const { access_token } = await app.signIn()
      expect(said(await app.revoke(access_token, { client_assertion: 'x.y.z' }))).toBe('200')
      expect(hasGrant(world)).toBe(true)
      expect(said(await app.revoke(access_token))).toBe('200')
      expect(hasGrant(world)).toBe(false)
    }))

  it('refuses a request without a token, and one with a bad proof', () =>
    inWorld({}, async (world) => {
      const { app, tokens } = await signedIn(world)
      expect(said(await app.call('/oauth/revoke', {}))).toBe('400 invalid_request')
      const key = {
        ...app.key,
        proof: (path: string) => app.key.proof(path, { htu: 'https://evil.example' }),
      }
      expect(said(await app.revoke(tokens.access_token, {}, { key }))).toBe('400 invalid_dpop_proof')
    }))
})

it('strangers who send made-up codes by way of an app’s server use up its calls, and hold up none with what was given', () =>
  inWorld({}, async (world) => {
    const app = await publishConfidentialApp(world)
    const headers = { 'cf-connecting-ip': '198.51.100.9' }
    const { refresh_token } = await app.signIn()
    const code = await app.code()
    const { verifier } = app
    const madeUp = { grant_type: 'authorization_code', code: code.replace(/.{8}$/, '00000000') }
    for (let n = 0; n < 300; n++)
      expect((await app.call('/oauth/token', madeUp, { key: null, headers })).status).toBe(400)
    expect(said(await app.call('/oauth/token', madeUp, { key: null, headers }))).toBe('429 slow_down')
    const refresh = { grant_type: 'refresh_token', refresh_token }
    const exchange = { ...madeUp, code, redirect_uri: CALLBACK, code_verifier: verifier }
    expect(said(await app.call('/oauth/token', refresh, { headers }))).toBe('200')
    expect(said(await app.call('/oauth/token', exchange, { headers }))).toBe('200')
    // It was used: its grant ends, and then it is as good as made up.
    expect(said(await app.call('/oauth/token', refresh, { headers }))).toBe('400 invalid_grant')
    expect(said(await app.call('/oauth/token', refresh, { headers }))).toBe('429 slow_down')
  }))
