/** An app that signs in as the specifications say, with each step in the hands of the test. */
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { newId } from '../../../src/crypto/newId.ts'
import type { Redirection } from '../../../src/account/oauth/authorizations/types.ts'
import { ORIGIN, type World } from '../../handlers/support/world.ts'

export const CLIENT_HOST = 'app.example.org'
export const CLIENT_ID = `https://${CLIENT_HOST}/client.json`
export const CALLBACK = `https://${CLIENT_HOST}/callback`
export const SCOPE = 'atproto transition:generic'

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))

export type Form = Record<string, string | undefined>

export interface Tokens {
  access_token: string
  token_type: string
  refresh_token: string
  scope: string
  expires_in: number
  sub: string
}

/** The status of an answer, and its body. */
export interface Answer {
  status: number
  body: Record<string, unknown>
  headers: Headers
}

/** What an answer was: `400 invalid_grant`. */
export const said = ({ status, body }: Answer): string =>
  typeof body.error === 'string' ? `${status} ${body.error}` : `${status}`

export interface Key {
  jkt: string
  /** A proof for a call of this server; `changed` replaces claims. */
  proof(path: string, changed?: Record<string, unknown>): Promise<string>
}

export const newDpopKey = async (world: World): Promise<Key> => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  return {
    jkt: await calculateJwkThumbprint(jwk),
    proof: (path, changed = {}) =>
      new SignJWT({
        jti: newId(random),
        htm: 'POST',
        htu: `${ORIGIN}${path}`,
        iat: Math.floor(world.clock.now / 1000),
        nonce: world.account.oauth.dpop.nonce(),
        ...changed,
      })
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
        .sign(privateKey),
  }
}

export interface App {
  clientId: string
  key: Key
  verifier: string
  /** Calls an endpoint; a member that is undefined is left out. `key` null: without a proof. */
  call(
    path: string,
    form: Form,
    options?: { key?: Key | null; headers?: Record<string, string> },
  ): Promise<Answer>
  /** Pushes a request; `changed` replaces parameters. */
  push(changed?: Form, options?: { key?: Key | null; headers?: Record<string, string> }): Promise<Answer>
  /** The name of a pushed request. */
  request(changed?: Form): Promise<string>
  /** Pushes a request, which the owner approves: the code. */
  code(changed?: Form): Promise<string>
  exchange(code: string, changed?: Form, options?: { key?: Key | null }): Promise<Answer>
  refresh(token: string, changed?: Form, options?: { key?: Key | null }): Promise<Answer>
  revoke(token: string, changed?: Form, options?: { key?: Key | null }): Promise<Answer>
  /** All of it. */
  signIn(changed?: Form): Promise<Tokens>
}

export interface AppOptions {
  clientId?: string
  redirectUri?: string
  /** Signs what a confidential client proves itself with. */
  assertion?: () => Promise<string>
}

export const challengeOf = (verifier: string): string =>
  createHash('sha256').update(verifier).digest('base64url')

/** A public client that publishes its document. */
export const publishApp = (world: World, members: Record<string, unknown> = {}): void => {
  const document = {
    client_id: CLIENT_ID,
    client_name: 'An app',
    scope: `${SCOPE} transition:email`,
    redirect_uris: [CALLBACK],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
    application_type: 'web',
    dpop_bound_access_tokens: true,
    ...members,
  }
  world.hosts.set(CLIENT_HOST, () => Response.json(document))
}

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** A key of a confidential client, and what it signs. */
export const newAssertionKey = async (world: World, kid = 'key-1') => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'ES256' }
  const assertion = (): Promise<string> => {
    const iat = Math.floor(world.clock.now / 1000)
    return new SignJWT({
      iss: CLIENT_ID,
      sub: CLIENT_ID,
      aud: ORIGIN,
      iat,
      exp: iat + 60,
      jti: newId(random),
    })
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(privateKey)
  }
  return { jwk, assertion }
}

/** A client with a key, which it publishes in its document. */
export const publishConfidentialApp = async (world: World): Promise<App> => {
  const { jwk, assertion } = await newAssertionKey(world)
  publishApp(world, {
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [jwk] },
  })
  return await createApp(world, { assertion })
}

export const createApp = async (world: World, options: AppOptions = {}): Promise<App> => {
  const { clientId = CLIENT_ID, redirectUri = CALLBACK, assertion } = options
  if (!options.clientId && !world.hosts.has(CLIENT_HOST)) publishApp(world)
  const key = await newDpopKey(world)
  /** Another one for each request, as a client has it. */
  let verifier = ''

  const call: App['call'] = async (path, form, { key: used = key, headers = {} } = {}) => {
    const body = new URLSearchParams()
    const proved = assertion
      ? { client_assertion_type: ASSERTION_TYPE, client_assertion: await assertion() }
      : {}
    for (const [name, value] of Object.entries({ client_id: clientId, ...proved, ...form }))
      if (value !== undefined) body.set(name, value)
    const response = await world.fetch(path, {
      method: 'POST',
      body,
      headers: { ...(used && { dpop: await used.proof(path) }), ...headers },
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    }
  }

  const app: App = {
    clientId,
    key,
    get verifier() {
      return verifier
    },
    call,
    push: (changed = {}, options) => {
      verifier = Buffer.from(random(32)).toString('base64url')
      return call(
        '/oauth/par',
        {
          response_type: 'code',
          redirect_uri: redirectUri,
          scope: SCOPE,
          state: 'the-state',
          code_challenge: challengeOf(verifier),
          code_challenge_method: 'S256',
          ...changed,
        },
        options,
      )
    },
    request: async (changed) => {
      const answer = await app.push(changed)
      if (answer.status !== 201) throw new Error(`the push was refused: ${JSON.stringify(answer.body)}`)
      return String(answer.body.request_uri)
    },
    code: async (changed) =>
      codeOf(await world.account.oauth.authorizations.approve(await app.request(changed), clientId)),
    exchange: (code, changed = {}, options) =>
      call(
        '/oauth/token',
        {
          grant_type: 'authorization_code',
          code,
          redirect_uri: redirectUri,
          code_verifier: verifier,
          ...changed,
        },
        options,
      ),
    refresh: (token, changed = {}, options) =>
      call('/oauth/token', { grant_type: 'refresh_token', refresh_token: token, ...changed }, options),
    revoke: (token, changed = {}, options) => call('/oauth/revoke', { token, ...changed }, options),
    signIn: async (changed) => tokensOf(await app.exchange(await app.code(changed))),
  }
  return app
}

export const codeOf = ({ params }: Redirection): string => params.code ?? ''

/** The tokens of an answer, which must be a success. */
export const tokensOf = ({ status, body }: Answer): Tokens => {
  if (status !== 200) throw new Error(`no tokens: ${JSON.stringify(body)}`)
  return body as unknown as Tokens
}
