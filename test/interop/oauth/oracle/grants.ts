import { createHash, randomBytes } from 'node:crypto'
import { createDpopClient, hash } from '../../../account/oauth/support/dpopClient.ts'
import { authorizeByHttp } from '../support/httpAuthorization.ts'
import { type Ask, type Asked, type Context, goodProof, post } from './asked.ts'
import { send } from './send.ts'

const TOKEN = '/oauth/token'
const REDIRECT = 'http://127.0.0.1:9/callback'
const CLIENT = `http://localhost?redirect_uri=${encodeURIComponent(REDIRECT)}`

interface Code {
  code: string
  verifier: string
}

interface Tokens {
  access: string
  refresh: string
}

const json = async (asked: Asked, context: Context): Promise<Record<string, unknown>> =>
  JSON.parse((await send(asked, context)).text) as Record<string, unknown> // what it says is asked for where it is used

/** The owner signs in and consents. */
const authorize = async (context: Context): Promise<Code> => {
  const verifier = randomBytes(32).toString('base64url')
  const pushed = await post(context, 'push', '/oauth/par', {
    client_id: CLIENT,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: 'atproto',
    state: 'a state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const { request_uri: requestUri } = await json(pushed, context)
  const query = new URLSearchParams({ client_id: CLIENT, request_uri: String(requestUri) })
  const url = `${context.url}/oauth/authorize?${query}`
  const { params } = await authorizeByHttp(context.server, { url, redirectUri: REDIRECT })
  return { code: params.get('code') ?? '', verifier }
}

type Changes = Record<string, string | undefined>

const exchange = (
  context: Context,
  kind: string,
  { code, verifier }: Code,
  changes: Changes = {},
  options: { proof?: string } = {},
): Promise<Asked> =>
  post(
    context,
    kind,
    TOKEN,
    {
      client_id: CLIENT,
      grant_type: 'authorization_code',
      code,
      redirect_uri: REDIRECT,
      code_verifier: verifier,
      ...changes,
    },
    options,
  )

const refreshing = (
  context: Context,
  kind: string,
  refresh: string,
  changes: Changes = {},
  options: { proof?: string } = {},
): Promise<Asked> =>
  post(
    context,
    kind,
    TOKEN,
    { client_id: CLIENT, grant_type: 'refresh_token', refresh_token: refresh, ...changes },
    options,
  )

const tokensOf = async (asked: Asked, context: Context): Promise<Tokens> => {
  const { access_token: access, refresh_token: refresh } = await json(asked, context)
  return { access: String(access), refresh: String(refresh) }
}

const signIn = async (context: Context): Promise<Tokens> =>
  tokensOf(await exchange(context, 'exchange', await authorize(context)), context)

const otherProof = async (context: Context): Promise<string> => {
  const other = await createDpopClient({ now: Date.now, origin: context.url })
  return other.proof({
    htu: `${context.url}${TOKEN}`,
    nonce: context.nonce,
    jti: randomBytes(16).toString('hex'),
  })
}

const GET_SESSION = '/xrpc/com.atproto.server.getSession'

interface Call {
  access: string
  claims?: Record<string, unknown>
  scheme?: string
  /** No proof, or another one. */
  proof?: string | null
  path?: string
  method?: string
}

/** What an access token opens. */
const resource = async (context: Context, kind: string, call: Call): Promise<Asked> => {
  const { access, claims, scheme = 'DPoP', path = GET_SESSION, method = 'GET' } = call
  const made = {
    htm: method,
    htu: `${context.url}${path.split('?')[0]}`,
    nonce: context.nonce,
    ath: hash(access),
  }
  const proof = call.proof === undefined ? await context.key.proof({ ...made, ...claims }) : call.proof
  const headers = { authorization: `${scheme} ${access}`, ...(proof !== null && { dpop: proof }) }
  return { kind: `resource: ${kind}`, method, path, headers }
}

/** A grant for all that only reads: made once for each server. */
const granted = new WeakMap<Context, Promise<Tokens>>()
const grantOf = (context: Context): Promise<Tokens> => {
  const found = granted.get(context) ?? signIn(context)
  granted.set(context, found)
  return found
}

const reading =
  (
    kind: string,
    call: (access: string, context: Context) => Omit<Call, 'access'> & { access?: string },
  ): Ask =>
  async (context) => {
    const { access } = await grantOf(context)
    // A nonce of this minute.
    await send(await post(context, 'nonce', TOKEN, {}), context)
    return resource(context, kind, { access, ...call(access, context) })
  }

const resources: Ask[] = [
  reading('a token and its proof', () => ({})),
  reading('the scheme in lower case', () => ({ scheme: 'dpop' })),
  reading('HEAD', () => ({ method: 'HEAD' })),
  reading('a query that the proof does not name', () => ({ path: `${GET_SESSION}?a=b` })),
  reading('the token as Bearer, with its proof', () => ({ scheme: 'Bearer' })),
  reading('the token as Bearer, without a proof', () => ({ scheme: 'Bearer', proof: null })),
  reading('no proof', () => ({ proof: null })),
  reading('an empty proof', () => ({ proof: '' })),
  reading('a proof that is not one', () => ({ proof: 'a.b.c' })),
  reading('no nonce', () => ({ claims: { nonce: undefined } })),
  reading('another nonce', () => ({ claims: { nonce: 'a' } })),
  reading('no ath', () => ({ claims: { ath: undefined } })),
  reading('the ath of another token', () => ({ claims: { ath: hash('a') } })),
  reading('another htm', () => ({ claims: { htm: 'POST' } })),
  reading('another htu', (_, { url }) => ({
    claims: { htu: `${url}/xrpc/com.atproto.server.refreshSession` },
  })),
  reading('the htu of another server', () => ({ claims: { htu: `https://evil.example${GET_SESSION}` } })),
  reading('an iat that is old', () => ({ claims: { iat: Math.floor(Date.now() / 1000) - 600 } })),
  reading('no jti', () => ({ claims: { jti: undefined } })),
  reading('a token that is changed', (access) => ({ access: `${access.slice(0, -4)}AAAA` })),
  reading('a token that is not one', () => ({ access: 'a' })),
  reading('an empty token', () => ({ access: '' })),
  async (context) => {
    const { access } = await grantOf(context)
    const other = await createDpopClient({ now: Date.now, origin: context.url })
    const claims = {
      htm: 'GET',
      htu: `${context.url}${GET_SESSION}`,
      nonce: context.nonce,
      ath: hash(access),
      jti: randomBytes(16).toString('hex'),
    }
    return resource(context, 'the proof of another key', { access, proof: await other.proof(claims) })
  },
  async (context) => {
    const { access } = await grantOf(context)
    const asked = await resource(context, 'a proof that was used', { access })
    await send(asked, context)
    return asked
  },
  () => ({ kind: 'resource: no token', method: 'GET', path: GET_SESSION, headers: {} }),
  async (context) => ({
    kind: 'resource: no token, but a proof',
    method: 'GET',
    path: GET_SESSION,
    headers: { dpop: await goodProof(context, GET_SESSION) },
  }),
  () => ({
    kind: 'resource: preflight',
    method: 'OPTIONS',
    path: GET_SESSION,
    headers: {
      origin: 'https://app.example.org',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization,dpop',
    },
  }),
]

/** Codes and refresh tokens, each of a sign-in of its own. */
const flows: Ask[] = [
  async (context) => exchange(context, 'code: good', await authorize(context)),
  async (context) => {
    const code = await authorize(context)
    await send(await exchange(context, 'exchange', code), context)
    return exchange(context, 'code: used twice', code)
  },
  async (context) => {
    const code = await authorize(context)
    const { refresh } = await tokensOf(await exchange(context, 'exchange', code), context)
    await send(await exchange(context, 'again', code), context)
    return refreshing(context, 'code: used twice, then what it gave first', refresh)
  },
  async (context) => {
    const code = await authorize(context)
    return exchange(context, 'code: another verifier', code, { code_verifier: 'v'.repeat(43) })
  },
  async (context) => {
    const code = await authorize(context)
    await send(await exchange(context, 'exchange', code, { code_verifier: 'v'.repeat(43) }), context)
    return exchange(context, 'code: after another verifier', code)
  },
  async (context) => {
    const code = await authorize(context)
    return exchange(context, 'code: another redirect_uri', code, {
      redirect_uri: 'http://127.0.0.1:8/callback',
    })
  },
  async (context) => {
    const code = await authorize(context)
    return exchange(context, 'code: another client', code, { client_id: 'http://localhost' })
  },
  async (context) => {
    const code = await authorize(context)
    return exchange(context, 'code: another key', code, {}, { proof: await otherProof(context) })
  },
  async (context) => refreshing(context, 'refresh: good', (await signIn(context)).refresh),
  async (context) => {
    const { refresh } = await signIn(context)
    await send(await refreshing(context, 'refresh', refresh), context)
    return refreshing(context, 'refresh: used twice', refresh)
  },
  async (context) => {
    const { refresh } = await signIn(context)
    const next = await tokensOf(await refreshing(context, 'refresh', refresh), context)
    await send(await refreshing(context, 'again', refresh), context)
    return refreshing(context, 'refresh: used twice, then the next one', next.refresh)
  },
  async (context) => {
    const { refresh } = await signIn(context)
    return refreshing(context, 'refresh: another client', refresh, { client_id: 'http://localhost' })
  },
  async (context) => {
    const { refresh } = await signIn(context)
    return refreshing(context, 'refresh: another key', refresh, {}, { proof: await otherProof(context) })
  },
  async (context) => refreshing(context, 'refresh: an access token', (await signIn(context)).access),
  async (context) => {
    const { refresh } = await signIn(context)
    await send(await post(context, 'revoke', '/oauth/revoke', { client_id: CLIENT, token: refresh }), context)
    return refreshing(context, 'revoke: then refresh', refresh)
  },
  async (context) => {
    const { access } = await signIn(context)
    await send(await post(context, 'revoke', '/oauth/revoke', { client_id: CLIENT, token: access }), context)
    return resource(context, 'after its revocation', { access })
  },
  async (context) => {
    const { refresh } = await signIn(context)
    return post(context, 'revoke: of another client', '/oauth/revoke', {
      client_id: 'http://localhost',
      token: refresh,
    })
  },
]

export const grants: Ask[] = [...resources, ...flows]
