/** The endpoints and documents through the real Worker: bodies, methods, CORS, limits, and what each answer carries. */
import { createHash } from 'node:crypto'
import { env } from 'cloudflare:workers'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Env } from '../../src/config.ts'
import worker from '../../src/worker.ts'
import { deploy, ORIGIN } from '../contract/deployed.ts'

const ENDPOINTS = ['/oauth/par', '/oauth/token', '/oauth/revoke']

beforeAll(async () => void (await deploy()))

let callers = 0

const send = (path: string, init: RequestInit = {}): Promise<Response> =>
  worker.fetch(
    new Request(ORIGIN + path, {
      ...init,
      headers: { 'cf-connecting-ip': `192.0.2.${callers++ % 250}`, ...init.headers },
    }),
    env as unknown as Env,
  )

const form = (text: string) => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: text,
})
const json = (text: string) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: text,
})

const said = async (response: Promise<Response>): Promise<string> => {
  const { status, ...answer } = await response.then(async (it) => ({
    status: it.status,
    body: (await it.json()) as { error?: string; error_description?: string },
  }))
  return `${status} ${answer.body.error}: ${answer.body.error_description}`
}

describe.each(ENDPOINTS)('%s', (path) => {
  it('never is kept by a cache, and has a nonce and CORS, also where it refuses', async () => {
    const { status, headers } = await send(path, form('client_id=x'))
    expect(status).toBe(400)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('pragma')).toBe('no-cache')
    expect(headers.get('dpop-nonce')).toMatch(/^[\w-]{20,}$/)
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-expose-headers')).toBe('*')
    expect(headers.get('access-control-allow-credentials')).toBeNull()
  })

  it('takes POST only', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      const { status, headers } = await send(path, { method })
      expect([method, status, headers.get('allow')]).toEqual([method, 405, 'POST'])
    }
  })

  it('lets any page send a proof and JSON', async () => {
    const { status, headers } = await send(path, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,dpop',
      },
    })
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-allow-methods')).toContain('POST')
    expect(headers.get('access-control-allow-headers')).toBe('content-type,dpop')
  })

  it('refuses a body that is too large, or that is neither a form nor JSON', async () => {
    const large = form(`client_id=${'x'.repeat(16 * 1024)}`)
    expect(await said(send(path, large))).toMatch(/^413 invalid_request: .*16384 bytes/)
    expect(await said(send(path, { method: 'POST', body: 'x' }))).toMatch(
      /^400 invalid_request: Content-Type/,
    )
    expect(await said(send(path, { method: 'POST' }))).toMatch(/^400 invalid_request: Content-Type/)
  })

  it.each([
    ['a form with a field twice', form('client_id=a&client_id=b')],
    ['JSON with a name twice', json('{"client_id":"a","client_id":"b"}')],
    ['JSON that is a list', json('[]')],
    ['JSON that is not', json('{"client_id"')],
    ['a form that is not UTF-8', { ...form(''), body: new Uint8Array([0x61, 0x3d, 0xff]) }],
  ])('refuses %s', async (_, init) => {
    expect(await said(send(path, init))).toMatch(/^400 invalid_request: /)
  })
})

it('parameters are read the same from a form and from JSON', async () => {
  const answers = [form('client_id=app&state='), json('{"client_id":"app","max_age":1,"state":null}')]
  const [fromForm, fromJson] = await Promise.all(answers.map((init) => said(send('/oauth/par', init))))
  expect(fromForm).toMatch(/^400 invalid_/)
  expect(fromJson).toBe(fromForm)
})

describe('the documents', () => {
  it('name this server as its own authorization server', async () => {
    const response = await send('/.well-known/oauth-protected-resource')
    expect(await response.json()).toEqual({
      resource: ORIGIN,
      authorization_servers: [ORIGIN],
      scopes_supported: [],
      bearer_methods_supported: ['header'],
      resource_documentation: 'https://atproto.com',
    })
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('cache-control')).toBe('max-age=300')
  })

  it('name its endpoints, each of which is there', async () => {
    const response = await send('/.well-known/oauth-authorization-server')
    const metadata = (await response.json()) as Record<string, unknown>
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(metadata).toMatchObject({
      issuer: ORIGIN,
      scopes_supported: ['atproto', 'transition:email', 'transition:generic', 'transition:chat.bsky'],
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'fragment', 'form_post'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
      authorization_response_iss_parameter_supported: true,
      require_pushed_authorization_requests: true,
      client_id_metadata_document_supported: true,
      request_parameter_supported: false,
      token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
    })
    const statuses: Record<string, number> = {}
    for (const [name, url] of Object.entries(metadata))
      if (/_endpoint$|^jwks_uri$/.test(name))
        statuses[name] = (await send(String(url).slice(ORIGIN.length))).status
    expect(statuses).toEqual({
      authorization_endpoint: expect.not.toBeOneOf([404, 405]),
      token_endpoint: 405,
      pushed_authorization_request_endpoint: 405,
      revocation_endpoint: 405,
      jwks_uri: 200,
    })
    for (const name of Object.keys(metadata).filter((it) => /signing_alg_values/.test(it))) {
      expect(metadata[name]).toContain('ES256')
      expect(metadata[name]).not.toContain('none')
    }
  })

  it('have no keys: only this server reads its tokens', async () => {
    expect(await (await send('/oauth/jwks')).json()).toEqual({ keys: [] })
  })

  it('are answered to HEAD, without a body', async () => {
    const response = await send('/.well-known/oauth-authorization-server', { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([200, ''])
  })
})

it('a program in development signs in, reads, refreshes and signs out', async () => {
  const { did, inside } = await deploy()
  const clientId = 'http://localhost'
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  let nonce: string | undefined
  /** As clients do it: with the newest nonce, and again where the server asks for another. */
  const call = async (
    method: string,
    path: string,
    { params, token }: { params?: Record<string, string>; token?: string },
  ) => {
    const once = async (): Promise<Response> => {
      const proof = await new SignJWT({
        jti: crypto.randomUUID(),
        htm: method,
        htu: ORIGIN + path,
        iat: Math.floor(Date.now() / 1000),
        ...(nonce && { nonce }),
        ...(token && { ath: createHash('sha256').update(token).digest('base64url') }),
      })
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
        .sign(privateKey)
      const response = await send(path, {
        method,
        headers: { dpop: proof, ...(token && { authorization: `DPoP ${token}` }) },
        ...(params && { body: new URLSearchParams({ client_id: clientId, ...params }) }),
      })
      nonce = response.headers.get('dpop-nonce') ?? undefined
      return response
    }
    const first = await once()
    const asked = /use_dpop_nonce/.test(await first.clone().text())
    const response = asked ? await once() : first
    return { status: response.status, asked, body: (await response.json()) as Record<string, string> }
  }

  const verifier = 'v'.repeat(43)
  const pushed = await call('POST', '/oauth/par', {
    params: {
      response_type: 'code',
      redirect_uri: 'http://127.0.0.1:8080/',
      scope: 'atproto',
      state: 's',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    },
  })
  expect(pushed).toMatchObject({ status: 201, asked: true })
  const { params } = await inside(({ account }) =>
    account.oauth.authorizations.approve(pushed.body.request_uri ?? '', clientId),
  )
  expect(params).toMatchObject({ iss: ORIGIN, state: 's' })
  const exchange = {
    grant_type: 'authorization_code',
    code: params.code ?? '',
    redirect_uri: 'http://127.0.0.1:8080/',
    code_verifier: verifier,
  }
  const tokens = await call('POST', '/oauth/token', { params: exchange })
  expect(tokens).toMatchObject({ status: 200, asked: false, body: { sub: did, scope: 'atproto' } })
  const read = (token = '') => call('GET', '/xrpc/com.atproto.server.getSession', { token })
  expect(await read(tokens.body.access_token)).toMatchObject({ status: 200, body: { did } })
  const refresh = { grant_type: 'refresh_token', refresh_token: tokens.body.refresh_token ?? '' }
  const next = await call('POST', '/oauth/token', { params: refresh })
  expect(await read(next.body.access_token)).toMatchObject({ status: 200 })
  const revoked = await call('POST', '/oauth/revoke', { params: { token: next.body.access_token ?? '' } })
  expect(revoked.status).toBe(200)
  expect(await read(next.body.access_token)).toMatchObject({ status: 401 })
  expect((await call('POST', '/oauth/token', { params: exchange })).body.error).toBe('invalid_grant')
})

it('what is neither an endpoint nor a page below /oauth/ is not found', async () => {
  expect((await send('/oauth/introspect', form(''))).status).toBe(404)
})

it('CORS never opens the page where the owner consents, not even where it fails', async () => {
  for (const method of ['GET', 'POST', 'OPTIONS']) {
    const { headers } = await send('/oauth/authorize', {
      method,
      headers: { origin: 'https://evil.example' },
    })
    expect([method, headers.get('access-control-allow-origin')]).toEqual([method, null])
  }
})

it('one network has 300 calls in five minutes, then 429 with the time to wait; others go on', async () => {
  const from = (address: string) =>
    send('/oauth/par', {
      ...form('client_id=x'),
      headers: { ...form('').headers, 'cf-connecting-ip': address },
    })
  for (let n = 0; n < 300; n++) expect((await from('198.51.100.7')).status).toBe(400)
  const refused = await from('198.51.100.7')
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await refused.json()).toMatchObject({ error: 'slow_down' })
  expect((await from('198.51.100.8')).status).toBe(400)
})

it.each(['/oauth/token', '/account', '/oauth/authorize'])(
  'the requests of one network are limited in the Worker, whatever credential they make up: %s',
  async (path) => {
    const isPage = path !== '/oauth/token'
    const limited = { ...(env as unknown as Env), REQUESTS_PER_5_MINUTES: '3' }
    const from = () =>
      worker.fetch(
        new Request(ORIGIN + path, {
          ...(!isPage && form('client_id=x')),
          headers: {
            ...(!isPage && form('').headers),
            'cf-connecting-ip': '198.51.100.9',
            authorization: 'DPoP x',
          },
        }),
        limited,
      )
    const statuses: number[] = []
    for (let n = 0; n < 5; n++) statuses.push((await from()).status)
    expect(statuses.slice(0, 3)).not.toContain(429)
    expect(statuses.slice(3)).toEqual([429, 429])
  },
)
