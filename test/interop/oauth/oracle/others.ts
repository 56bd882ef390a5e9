import { publicDocument } from '../../../account/oauth/support/clientWorld.ts'
import { type Ask, type Context, goodProof, post } from './asked.ts'

const plain =
  (kind: string, method: string, path: string, headers: Record<string, string> = {}): Ask =>
  () => ({ kind, method, path, headers })

const ORIGIN = { origin: 'https://app.example.org' }
const preflight = (method: string, headers: string) => ({
  ...ORIGIN,
  'access-control-request-method': method,
  'access-control-request-headers': headers,
})

const DOCUMENTS = [
  '/.well-known/oauth-authorization-server',
  '/.well-known/oauth-protected-resource',
  '/oauth/jwks',
]

/** What the server says of itself, and by which methods. */
export const documents: Ask[] = DOCUMENTS.flatMap((path) => [
  plain(`metadata: GET ${path}`, 'GET', path),
  plain(`metadata: GET from another origin ${path}`, 'GET', path, ORIGIN),
  plain(`metadata: HEAD ${path}`, 'HEAD', path),
  plain(`metadata: preflight ${path}`, 'OPTIONS', path, preflight('GET', 'accept')),
  plain(`metadata: POST ${path}`, 'POST', path, { 'content-type': 'application/json' }),
  plain(`metadata: a query ${path}`, 'GET', `${path}?a=b`),
  plain(`metadata: a slash at the end ${path}`, 'GET', `${path}/`),
])

const ENDPOINTS = ['/oauth/par', '/oauth/token', '/oauth/revoke']

export const methods: Ask[] = [
  ...ENDPOINTS.flatMap((path) => [
    ...['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) =>
      plain(`method: ${method} ${path}`, method, path),
    ),
    plain(`method: preflight ${path}`, 'OPTIONS', path, preflight('POST', 'content-type,dpop')),
    plain(`method: preflight for PUT ${path}`, 'OPTIONS', path, preflight('PUT', 'content-type')),
    plain(`method: preflight for a header ${path}`, 'OPTIONS', path, preflight('POST', 'authorization,x-a')),
    plain(`method: a slash at the end ${path}`, 'POST', `${path}/`),
  ]),
  ...[
    '/oauth',
    '/oauth/',
    '/oauth/introspect',
    '/oauth/userinfo',
    '/oauth/register',
    '/.well-known/openid-configuration',
  ].map((path) => plain(`method: GET ${path}`, 'GET', path)),
]

const TOKEN = '/oauth/token'

const publicClient = (context: Context): string => {
  const id = `${context.clientOrigin}/public.json`
  return context.publish('/public.json', publicDocument({}, id))
}

const code = (client: string): Record<string, string | undefined> => ({
  client_id: client,
  grant_type: 'authorization_code',
  code: `cod-${'0'.repeat(64)}`,
  redirect_uri: 'https://app.example.org/callback',
  code_verifier: 'v'.repeat(43),
})
const refresh = (client: string): Record<string, string | undefined> => ({
  client_id: client,
  grant_type: 'refresh_token',
  refresh_token: `ref-${'0'.repeat(64)}`,
})

const token =
  (name: string, params: Record<string, string | undefined>, base = code): Ask =>
  async (context) =>
    post(context, `token: ${name}`, TOKEN, { ...base(publicClient(context)), ...params })

export const tokens: Ask[] = [
  token('an unknown code', {}),
  token('no client_id', { client_id: undefined }),
  token('another client_id', { client_id: 'http://localhost' }),
  token('a client_id that is not one', { client_id: 'a' }),
  token('a client that is not there', { client_id: 'https://client.oauth-interop.org/absent.json' }),
  token('no grant_type', { grant_type: undefined }),
  token('an empty grant_type', { grant_type: '' }),
  token('grant_type password', { grant_type: 'password', username: 'a', password: 'b' }),
  token('grant_type client_credentials', { grant_type: 'client_credentials' }),
  token('grant_type implicit', { grant_type: 'implicit' }),
  token('grant_type unknown', { grant_type: 'a' }),
  token('no code', { code: undefined }),
  token('an empty code', { code: '' }),
  token('a code that is not one', { code: 'a' }),
  token('no redirect_uri', { redirect_uri: undefined }),
  token('a redirect_uri that is not one', { redirect_uri: 'a' }),
  token('no code_verifier', { code_verifier: undefined }),
  token('a code_verifier that is too short', { code_verifier: 'v' }),
  token('an empty code_verifier', { code_verifier: '' }),
  token('scope', { scope: 'atproto' }),
  token('client_secret', { client_secret: 'a' }),
  token('a parameter that is not known', { a: 'b' }),
  token('an unknown refresh token', {}, refresh),
  token('no refresh_token', { refresh_token: undefined }, refresh),
  token('an empty refresh_token', { refresh_token: '' }, refresh),
  token('a refresh token that is not one', { refresh_token: 'a' }, refresh),
  token('a refresh token with scope', { scope: 'atproto' }, refresh),
  async (context) =>
    post(context, 'token: no proof', TOKEN, code(publicClient(context)), { proof: undefined }),
  async (context) =>
    post(context, 'token: refresh without a proof', TOKEN, refresh(publicClient(context)), {
      proof: undefined,
    }),
  async (context) =>
    post(context, 'token: an empty proof', TOKEN, code(publicClient(context)), { proof: '' }),
  async (context) => ({
    kind: 'token: json',
    method: 'POST',
    path: TOKEN,
    headers: { 'content-type': 'application/json', dpop: await goodProof(context, TOKEN) },
    body: JSON.stringify(code(publicClient(context))),
  }),
  async (context) => ({
    kind: 'token: an empty body',
    method: 'POST',
    path: TOKEN,
    headers: { 'content-type': 'application/json', dpop: await goodProof(context, TOKEN) },
    body: '{}',
  }),
  async (context) =>
    post(context, 'token: a body of text', TOKEN, {}, { headers: { 'content-type': 'text/plain' } }),
  async (context) =>
    post(context, 'token: from another origin', TOKEN, code(publicClient(context)), {
      headers: { ...ORIGIN, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' },
    }),
]

const REVOKE = '/oauth/revoke'
const revoke =
  (name: string, params: Record<string, string | undefined>): Ask =>
  async (context) =>
    post(context, `revoke: ${name}`, REVOKE, {
      client_id: publicClient(context),
      token: `ref-${'0'.repeat(64)}`,
      ...params,
    })

export const revocations: Ask[] = [
  revoke('an unknown refresh token', {}),
  revoke('an unknown access token', { token: 'a.b.c' }),
  revoke('no token', { token: undefined }),
  revoke('an empty token', { token: '' }),
  revoke('no client_id', { client_id: undefined }),
  revoke('a client_id that is not one', { client_id: 'a' }),
  revoke('token_type_hint', { token_type_hint: 'refresh_token' }),
  revoke('a token_type_hint that is not known', { token_type_hint: 'a' }),
  async (context) =>
    post(
      context,
      'revoke: no proof',
      REVOKE,
      { client_id: publicClient(context), token: 'a' },
      { proof: undefined },
    ),
]
