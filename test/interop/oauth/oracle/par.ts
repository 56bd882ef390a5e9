import { createHash, randomBytes } from 'node:crypto'
import { publicDocument } from '../../../account/oauth/support/clientWorld.ts'
import { type Ask, type Context, goodProof, post } from './asked.ts'

const PAR = '/oauth/par'
const REDIRECT = 'https://app.example.org/callback'

/** A challenge that was not used before: one is taken once a day. */
const challenge = (): string => createHash('sha256').update(randomBytes(32)).digest('base64url')

const good = (client: string): Record<string, string | undefined> => ({
  client_id: client,
  response_type: 'code',
  redirect_uri: REDIRECT,
  scope: 'atproto',
  state: 'a state',
  code_challenge: challenge(),
  code_challenge_method: 'S256',
})

const publicClient = (context: Context): string => {
  const id = `${context.clientOrigin}/public.json`
  return context.publish('/public.json', publicDocument({}, id))
}

const param =
  (name: string, params: Record<string, string | undefined>): Ask =>
  async (context) =>
    post(context, `par: ${name}`, PAR, { ...good(publicClient(context)), ...params })

/** Parameters of a pushed request, one by one. */
const parameters: Ask[] = [
  param('good', {}),
  param('no client_id', { client_id: undefined }),
  param('an empty client_id', { client_id: '' }),
  param('no response_type', { response_type: undefined }),
  param('response_type token', { response_type: 'token' }),
  param('response_type code id_token', { response_type: 'code id_token' }),
  param('response_type none', { response_type: 'none' }),
  param('response_type unknown', { response_type: 'a' }),
  param('no redirect_uri, of a client with one', { redirect_uri: undefined }),
  param('another redirect_uri', { redirect_uri: 'https://app.example.org/other' }),
  param('a redirect_uri with a query more', { redirect_uri: `${REDIRECT}?a=b` }),
  param('a redirect_uri that is not a URL', { redirect_uri: 'a' }),
  param('a redirect_uri of script', { redirect_uri: 'javascript:alert(1)' }),
  param('no scope', { scope: undefined }),
  param('an empty scope', { scope: '' }),
  param('a scope without atproto', { scope: 'transition:generic' }),
  param('a scope that is not declared', { scope: 'atproto transition:email' }),
  param('a scope of openid', { scope: 'atproto openid' }),
  param('a scope with a quotation mark', { scope: 'atproto "' }),
  param('a scope with two spaces', { scope: 'atproto  transition:generic' }),
  param('a declared scope', { scope: 'atproto transition:generic' }),
  param('no state', { state: undefined }),
  param('an empty state', { state: '' }),
  param('no code_challenge', { code_challenge: undefined }),
  param('an empty code_challenge', { code_challenge: '' }),
  param('a code_challenge that is too short', { code_challenge: 'a'.repeat(42) }),
  param('a code_challenge that is too long', { code_challenge: 'a'.repeat(129) }),
  param('a code_challenge of other characters', { code_challenge: '+'.repeat(43) }),
  param('a code_challenge with padding', { code_challenge: `${challenge()}=` }),
  param('no code_challenge_method', { code_challenge_method: undefined }),
  param('code_challenge_method plain', { code_challenge_method: 'plain' }),
  param('code_challenge_method unknown', { code_challenge_method: 'S512' }),
  param('code_challenge_method in lower case', { code_challenge_method: 's256' }),
  param('response_mode query', { response_mode: 'query' }),
  param('response_mode fragment', { response_mode: 'fragment' }),
  param('response_mode form_post', { response_mode: 'form_post' }),
  param('response_mode unknown', { response_mode: 'jwt' }),
  param('prompt none', { prompt: 'none' }),
  param('prompt login', { prompt: 'login' }),
  param('prompt consent', { prompt: 'consent' }),
  param('prompt select_account', { prompt: 'select_account' }),
  param('prompt create', { prompt: 'create' }),
  param('prompt unknown', { prompt: 'a' }),
  param('two prompts', { prompt: 'login consent' }),
  param('an empty prompt', { prompt: '' }),
  param('login_hint: a handle', { login_hint: 'alice.test' }),
  param('login_hint: a handle in capitals', { login_hint: 'Alice.Test' }),
  param('login_hint: a DID', { login_hint: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }),
  param('login_hint: an address', { login_hint: 'alice@example.com' }),
  param('login_hint: a word', { login_hint: 'alice' }),
  param('login_hint: empty', { login_hint: '' }),
  param('login_hint: a URL', { login_hint: 'https://alice.test' }),
  param('ui_locales', { ui_locales: 'de en-GB' }),
  param('ui_locales that are not languages', { ui_locales: '!!' }),
  param('display popup', { display: 'popup' }),
  param('display unknown', { display: 'a' }),
  param('max_age', { max_age: '60' }),
  param('max_age in words', { max_age: 'a' }),
  param('nonce', { nonce: 'a nonce of OpenID' }),
  param('claims', { claims: '{"id_token":{}}' }),
  param('id_token_hint', { id_token_hint: 'a.b.c' }),
  param('authorization_details', { authorization_details: '[{"type":"a"}]' }),
  param('dpop_jkt of another key', { dpop_jkt: 'a'.repeat(43) }),
  param('dpop_jkt that is empty', { dpop_jkt: '' }),
  param('request, a JWT', { request: 'a.b.c' }),
  param('request_uri', { request_uri: 'urn:ietf:params:oauth:request_uri:req-0' }),
  param('a parameter that is not known', { a: 'b' }),
  param('client_secret', { client_secret: 'a' }),
  param('client_assertion of a public client', {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: 'a.b.c',
  }),
  param('client_assertion_type of a public client', { client_assertion_type: 'a' }),
  async (context) => {
    const params = { ...good(publicClient(context)), dpop_jkt: context.key.jkt }
    return post(context, 'par: dpop_jkt without a proof', PAR, params, { proof: undefined })
  },
  async (context) => {
    const params = { ...good(publicClient(context)), dpop_jkt: context.key.jkt }
    return post(context, 'par: dpop_jkt with its proof', PAR, params)
  },
  async (context) => post(context, 'par: no proof', PAR, good(publicClient(context)), { proof: undefined }),
]

/** Bodies of a pushed request. */
const bodies: Ask[] = [
  ...(
    [
      ['json', 'application/json', (params) => JSON.stringify(params)],
      ['json with a charset', 'application/json; charset=utf-8', (params) => JSON.stringify(params)],
      ['broken json', 'application/json', () => '{'],
      ['json that is a list', 'application/json', () => '[]'],
      ['json that is null', 'application/json', () => 'null'],
      ['json that is a string', 'application/json', () => '"a"'],
      ['json with a number', 'application/json', (params) => JSON.stringify({ ...params, state: 1 })],
      ['json with a list', 'application/json', (params) => JSON.stringify({ ...params, scope: ['atproto'] })],
      ['text', 'text/plain', (params) => String(new URLSearchParams(params))],
      ['multipart', 'multipart/form-data; boundary=a', () => '--a--'],
      ['xml', 'application/xml', () => '<a/>'],
      [
        'a form with a charset',
        'application/x-www-form-urlencoded; charset=utf-8',
        (params) => String(new URLSearchParams(params)),
      ],
      [
        'a form with a parameter twice',
        'application/x-www-form-urlencoded',
        (params) => `${new URLSearchParams(params)}&state=b`,
      ],
      [
        'a form with client_id twice',
        'application/x-www-form-urlencoded',
        (params) => `${new URLSearchParams(params)}&client_id=b`,
      ],
      ['an empty form', 'application/x-www-form-urlencoded', () => ''],
      ['an empty json', 'application/json', () => '{}'],
    ] satisfies [string, string, (params: Record<string, string>) => string][]
  ).map(([name, type, write]): Ask => async (context) => ({
    kind: `body: ${name}`,
    method: 'POST',
    path: PAR,
    headers: { 'content-type': type, dpop: await goodProof(context, PAR) },
    body: write(good(publicClient(context)) as Record<string, string>), // none is undefined
  })),
  async (context) => ({
    kind: 'body: no type',
    method: 'POST',
    path: PAR,
    headers: { dpop: await goodProof(context, PAR) },
  }),
  async (context) => {
    const authorization = `Basic ${Buffer.from('a:b').toString('base64')}`
    return post(context, 'body: with Basic credentials', PAR, good(publicClient(context)), {
      headers: { authorization },
    })
  },
  async (context) =>
    post(context, 'body: parameters in the query', `${PAR}?scope=openid`, good(publicClient(context))),
  async (context) =>
    post(context, 'body: from another origin', PAR, good(publicClient(context)), {
      headers: {
        origin: 'https://app.example.org',
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'cors',
      },
    }),
]

const LOOPBACK = { redirect_uri: 'http://127.0.0.1:8080/' }
const ids: [string, Record<string, string | undefined>?][] = [
  ['http://localhost', LOOPBACK],
  ['http://localhost/', LOOPBACK],
  ['http://localhost', { redirect_uri: 'http://[::1]:1/' }],
  ['http://localhost', { redirect_uri: 'http://localhost/' }],
  ['http://localhost', { redirect_uri: 'http://127.0.0.1:8080/other' }],
  ['http://localhost', { redirect_uri: 'https://127.0.0.1/' }],
  ['http://localhost', { redirect_uri: undefined }],
  ['http://localhost?redirect_uri=http://127.0.0.1:8080/a', { redirect_uri: 'http://127.0.0.1:8080/a' }],
  ['http://localhost?redirect_uri=http://127.0.0.1:8080/a', { redirect_uri: 'http://127.0.0.1:8081/a' }],
  ['http://localhost?redirect_uri=http://127.0.0.1/a', { redirect_uri: 'http://127.0.0.1:8081/a' }],
  ['http://localhost?redirect_uri=http://localhost/', LOOPBACK],
  ['http://localhost?redirect_uri=https://app.example.org/', LOOPBACK],
  ['http://localhost?redirect_uri=', LOOPBACK],
  [
    'http://localhost?scope=atproto%20transition:generic',
    { ...LOOPBACK, scope: 'atproto transition:generic' },
  ],
  ['http://localhost?scope=atproto', { ...LOOPBACK, scope: 'atproto transition:generic' }],
  ['http://localhost?scope=transition:generic', LOOPBACK],
  ['http://localhost?scope=', LOOPBACK],
  ['http://localhost?scope=atproto&scope=atproto', LOOPBACK],
  ['http://localhost?scope=atproto+atproto', LOOPBACK],
  ['http://localhost?a=b', LOOPBACK],
  ['http://localhost/a', LOOPBACK],
  ['http://localhost#a', LOOPBACK],
  ['http://localhost:80', LOOPBACK],
  ['https://localhost', LOOPBACK],
  ['http://127.0.0.1', LOOPBACK],
  ['HTTP://localhost', LOOPBACK],
  ['a'],
  ['did:web:client.oauth-interop.org'],
  ['http://client.oauth-interop.org/public.json'],
  ['https://client.oauth-interop.org'],
  ['https://client.oauth-interop.org/'],
  ['https://client.oauth-interop.org/public.json/'],
  ['https://client.oauth-interop.org/public.json#a'],
  ['https://a@client.oauth-interop.org/public.json'],
  ['https://a:b@client.oauth-interop.org/public.json'],
  ['https://client.oauth-interop.org:443/public.json'],
  ['https://client.oauth-interop.org/./public.json'],
  ['https://client.oauth-interop.org/a/../public.json'],
  ['https://client.oauth-interop.org/%2e/public.json'],
  ['https://CLIENT.oauth-interop.org/public.json'],
  ['HTTPS://client.oauth-interop.org/public.json'],
  [' https://client.oauth-interop.org/public.json'],
  ['https://client.oauth-interop.org/public.json?'],
  ['https://client.oauth-interop.org/absent.json'],
  ['https://93.184.216.34/client.json'],
  ['https://[2606:2800:220:1::1]/client.json'],
  ['https://client/client.json'],
  ['https://client.test/client.json'],
  ['https://client.local/client.json'],
  ['https://client.localhost/client.json'],
  ['https://client.invalid/client.json'],
  ['https://client.example/client.json'],
  ['data:application/json,{}'],
  ['javascript:alert(1)'],
]

const NATIVE = { application_type: 'native' }
const KEYS = { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256' }
/** Documents that differ from a good one by these members; the request is good but for what is said. */
const documents: [string, Record<string, unknown>, Record<string, string | undefined>?][] = [
  ['good', {}],
  ['no client_id', { client_id: undefined }],
  ['another client_id', { client_id: 'https://client.oauth-interop.org/other.json' }],
  ['no scope', { scope: undefined }],
  ['a scope without atproto', { scope: 'transition:generic' }],
  ['a scope twice', { scope: 'atproto a a' }],
  ['an empty scope', { scope: '' }],
  ['a scope with a tab', { scope: 'atproto\ta' }],
  ['a scope that is a list', { scope: ['atproto'] }],
  ['dpop_bound_access_tokens false', { dpop_bound_access_tokens: false }],
  ['no dpop_bound_access_tokens', { dpop_bound_access_tokens: undefined }],
  ['dpop_bound_access_tokens in words', { dpop_bound_access_tokens: 'true' }],
  ['no response_types', { response_types: undefined }],
  ['empty response_types', { response_types: [] }],
  ['response_types token', { response_types: ['token'] }],
  ['response_types code and token', { response_types: ['code', 'token'] }],
  ['response_types unknown', { response_types: ['code', 'a'] }],
  ['no grant_types', { grant_types: undefined }],
  ['empty grant_types', { grant_types: [] }],
  ['grant_types implicit', { grant_types: ['authorization_code', 'implicit'] }],
  ['grant_types unknown', { grant_types: ['authorization_code', 'a'] }],
  ['grant_types client_credentials', { grant_types: ['authorization_code', 'client_credentials'] }],
  ['grant_types refresh_token alone', { grant_types: ['refresh_token'] }],
  ['a grant type twice', { grant_types: ['authorization_code', 'authorization_code'] }],
  ['no auth method', { token_endpoint_auth_method: undefined }],
  ['auth method client_secret_post', { token_endpoint_auth_method: 'client_secret_post' }],
  ['auth method unknown', { token_endpoint_auth_method: 'a' }],
  ['an alg without a method', { token_endpoint_auth_signing_alg: 'ES256' }],
  ['private_key_jwt without keys', KEYS],
  ['private_key_jwt with an empty JWKS', { ...KEYS, jwks: { keys: [] } }],
  [
    'private_key_jwt without an alg',
    {
      ...KEYS,
      token_endpoint_auth_signing_alg: undefined,
      jwks_uri: 'https://client.oauth-interop.org/jwks.json',
    },
  ],
  [
    'a native client with private_key_jwt',
    { ...NATIVE, ...KEYS, jwks_uri: 'https://client.oauth-interop.org/jwks.json' },
  ],
  ['jwks and jwks_uri', { jwks: { keys: [] }, jwks_uri: 'https://client.oauth-interop.org/jwks.json' }],
  ['jwks_uri on http', { ...KEYS, jwks_uri: 'http://client.oauth-interop.org/jwks.json' }],
  ['jwks_uri on a private address', { ...KEYS, jwks_uri: 'https://10.0.0.1/jwks.json' }],
  ['jwks_uri that is not there', { ...KEYS, jwks_uri: 'https://client.oauth-interop.org/absent.json' }],
  ['no application_type', { application_type: undefined }],
  ['application_type unknown', { application_type: 'a' }],
  ['subject_type public', { subject_type: 'public' }],
  ['subject_type pairwise', { subject_type: 'pairwise' }],
  ['mutual TLS', { tls_client_certificate_bound_access_tokens: true }],
  ['default_max_age', { default_max_age: 60 }],
  ['id_token_signed_response_alg', { id_token_signed_response_alg: 'RS256' }],
  ['userinfo_signed_response_alg', { userinfo_signed_response_alg: 'RS256' }],
  ['authorization_encrypted_response_enc', { authorization_encrypted_response_enc: 'A128CBC-HS256' }],
  ['authorization_details_types', { authorization_details_types: ['a'] }],
  ['members that are not known', { a: { b: 'c' } }],
  ['client_name of markup', { client_name: '<b>a</b>' }],
  ['client_name that is a number', { client_name: 1 }],
  ['client_uri of the origin', { client_uri: 'https://client.oauth-interop.org/' }],
  ['client_uri of another origin', { client_uri: 'https://app.example.org/' }],
  ['client_uri that is not above', { client_uri: 'https://client.oauth-interop.org/other' }],
  ['client_uri that is not a URL', { client_uri: 'a' }],
  ['logo_uri of a private address', { logo_uri: 'https://10.0.0.1/logo.png' }],
  ['logo_uri on http', { logo_uri: 'http://client.oauth-interop.org/logo.png' }],
  ['logo_uri that is not a URL', { logo_uri: 'a' }],
  ['contacts that are not addresses', { contacts: ['a'] }],
  ['no redirect_uris', { redirect_uris: undefined }],
  ['empty redirect_uris', { redirect_uris: [] }],
  ['a redirect twice', { redirect_uris: [REDIRECT, REDIRECT] }],
  [
    'two redirects, and none in the request',
    { redirect_uris: [REDIRECT, `${REDIRECT}2`] },
    { redirect_uri: undefined },
  ],
  ...(
    [
      'http://app.example.org/',
      'http://localhost/',
      'https://localhost/',
      'http://127.0.0.1/',
      'http://127.0.0.1:8080/a',
      'https://127.0.0.1/',
      'http://[::1]/',
      'https://app.test/',
      'https://app.local/',
      'https://app/',
      'https://a:b@app.example.org/',
      'https://app.example.org/#a',
      'https://93.184.216.34/',
      'org.oauth-interop.client:/callback',
      'org.oauth-interop.client://callback',
      'org.oauth-interop.client:callback',
      'org.example.app:/callback',
      'client:/callback',
      'javascript:alert(1)',
      'data:text/html,a',
      'a',
      '',
    ] as const
  ).flatMap((uri): [string, Record<string, unknown>, Record<string, string>][] => [
    [`redirect ${uri} of a web client`, { redirect_uris: [uri] }, { redirect_uri: uri }],
    [`redirect ${uri} of a native client`, { ...NATIVE, redirect_uris: [uri] }, { redirect_uri: uri }],
  ]),
]

/** Everything that is sent to `/oauth/par`, but for proofs and assertions. */
export const par: Ask[] = [
  ...parameters,
  ...bodies,
  ...ids.map(([id, params]): Ask => async (context) => {
    publicClient(context)
    const asked = params && 'redirect_uri' in params ? ` to ${params.redirect_uri ?? 'nowhere'}` : ''
    return post(context, `client id: ${JSON.stringify(id)}${asked}`, PAR, { ...good(id), ...params })
  }),
  ...documents.map(([name, members, params], n): Ask => async (context) => {
    const id = `${context.clientOrigin}/document-${n}.json`
    context.publish(`/document-${n}.json`, publicDocument(members, id))
    return post(context, `document: ${name}`, PAR, { ...good(id), ...params })
  }),
]

export { good, PAR }
