import { expect, it } from 'vitest'
import { decodeJws } from '../../src/crypto/jws.ts'
import { inWorld, ORIGIN, SERVICE } from '../handlers/support/world.ts'
import {
  CALLBACK,
  CLIENT_ID,
  createApp,
  newAssertionKey,
  publishApp,
  publishConfidentialApp,
  SCOPE,
  said,
  tokensOf,
} from './support/app.ts'

it('an app pushes a request, gets the code that the owner approved, exchanges it, refreshes, and signs out', async () => {
  await inWorld({}, async (world) => {
    const { authorizations, grants, grantTokens } = world.account.oauth
    const app = await createApp(world)
    const pushed = await app.push()
    expect(pushed).toMatchObject({ status: 201, body: { expires_in: 300 } })
    const requestUri = String(pushed.body.request_uri)
    expect(requestUri).toMatch(/^urn:ietf:params:oauth:request_uri:req-[0-9a-f]{32}$/)
    const pending = await authorizations.find(requestUri, CLIENT_ID)
    expect(pending).toMatchObject({ expanded: SCOPE, isConsented: false, requestedAt: world.clock.now })
    expect(pending.client.metadata.name).toBe('An app')

    const redirection = await authorizations.approve(requestUri, CLIENT_ID)
    expect(redirection).toEqual({
      uri: CALLBACK,
      mode: 'query',
      params: { iss: ORIGIN, state: 'the-state', code: redirection.params.code },
    })
    expect(grants.list()).toEqual([])

    const tokens = tokensOf(await app.exchange(redirection.params.code ?? ''))
    expect(tokens).toMatchObject({ token_type: 'DPoP', scope: SCOPE, expires_in: 900, sub: world.did })
    const claims = await grantTokens.verify(tokens.access_token)
    expect(claims).toMatchObject({ did: world.did, aud: SERVICE, clientId: CLIENT_ID, jkt: app.key.jkt })
    const { header, payload } = decodeJws(tokens.access_token)
    expect(header).toEqual({ alg: 'HS256', typ: 'at+jwt' })
    expect(payload).toMatchObject({ iss: ORIGIN, client_id: CLIENT_ID, cnf: { jkt: app.key.jkt } })
    expect(grants.list()).toMatchObject([{ id: claims.grant, clientId: CLIENT_ID, clientName: 'An app' }])

    world.clock.now += 3600_000
    const next = tokensOf(await app.refresh(tokens.refresh_token))
    expect(next.refresh_token).not.toBe(tokens.refresh_token)
    expect(grants.find(claims.grant)?.lastUsedAt).toBe(world.clock.now)

    // An access token that has expired is good enough to sign out.
    expect(said(await app.revoke(tokens.access_token))).toBe('200')
    expect(grants.list()).toEqual([])
    expect(said(await app.refresh(next.refresh_token))).toBe('400 invalid_grant')
    expect(world.journal().slice(-2)).toEqual(['grant', 'app-sign-out'])
  })
})

it('a confidential client signs in with its key, and the owner is not asked again while it has a grant', async () => {
  await inWorld({}, async (world) => {
    const app = await publishConfidentialApp(world)
    const tokens = await app.signIn()
    expect(said(await app.refresh(tokens.refresh_token))).toBe('200')
    const { authorizations, grants } = world.account.oauth
    const isConsented = async (scope: string) =>
      (await authorizations.find(await app.request({ scope }), CLIENT_ID)).isConsented
    expect(await isConsented('atproto')).toBe(true)
    expect(await isConsented(SCOPE)).toBe(true)
    expect(await isConsented('atproto transition:email')).toBe(false)
    grants.endAll('test')
    expect(await isConsented('atproto')).toBe(false)
  })
})

it('a confidential client that shows another key than that of its grant has the owner asked again', async () => {
  await inWorld({}, async (world) => {
    const [first, second] = [await newAssertionKey(world), await newAssertionKey(world, 'key-2')]
    publishApp(world, {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [first.jwk, second.jwk] },
    })
    const app = await createApp(world, { assertion: first.assertion })
    const other = await createApp(world, { assertion: second.assertion })
    await app.signIn()
    const isConsented = async (requestUri: string): Promise<boolean> =>
      (await world.account.oauth.authorizations.find(requestUri, CLIENT_ID)).isConsented
    expect(await isConsented(await app.request())).toBe(true)
    expect(await isConsented(await other.request())).toBe(false)
  })
})
