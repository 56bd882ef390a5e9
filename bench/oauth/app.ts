import { createHash, generateKeyPairSync, randomBytes, randomUUID, sign, type KeyObject } from 'node:crypto'
import { authorizeByHttp } from '../../test/interop/oauth/support/httpAuthorization.ts'
import { type Answer, type Call, call, json } from '../http.ts'
import type { Server } from '../servers.ts'

/** Nothing listens there: the answer is read from the redirect. */
const REDIRECT = 'http://127.0.0.1:9/callback'
const SCOPE = 'atproto transition:generic'
const CLIENT = `http://localhost?${new URLSearchParams({ redirect_uri: REDIRECT, scope: SCOPE })}`

/** A code that waits to be exchanged. */
export interface Code {
  readonly code: string
  readonly verifier: string
}

/** The tokens of a grant. */
export interface Tokens {
  readonly access: string
  readonly refresh: string
}

/**
 * An app on the owner's machine that signs in to one server. What it sends is made before the clock starts: the figures are
 * those of the server, not of the app's signatures.
 */
export interface App {
  /** The owner signs in and approves. */
  authorize(): Promise<Code>
  exchange(code: Code): Promise<{ tokens: Tokens; ms: number; rows: number }>
  refresh(tokens: Tokens): Promise<{ tokens: Tokens; ms: number; rows: number }>
  /** As many requests as are asked for, ready to be sent one after the other; each has its own proof. */
  prepare(tokens: Tokens, method: string, requests: readonly Call[]): Promise<(() => Promise<Answer>)[]>
}

export const createApp = (server: Server): App => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' })
  let nonce: string | undefined

  const proof = (path: string, method: string, token?: string): string =>
    signJwt(
      privateKey,
      { alg: 'ES256', typ: 'dpop+jwt', jwk },
      {
        jti: randomUUID(),
        iat: Math.floor(Date.now() / 1000),
        htm: method,
        htu: `${server.url}${path}`,
        ...(nonce !== undefined && { nonce }),
        ...(token !== undefined && { ath: sha256(token) }),
      },
    )

  /** Notes the nonce of an answer, with which the next proof is made. */
  const heard = (answer: Answer): Answer => {
    const header = answer.headers['dpop-nonce']
    if (typeof header === 'string') nonce = header
    return answer
  }

  const post = (path: string, form: Record<string, string>): Promise<Answer> =>
    call(server.url, path, {
      body: new TextEncoder().encode(new URLSearchParams({ client_id: CLIENT, ...form }).toString()),
      type: 'application/x-www-form-urlencoded',
      headers: { dpop: proof(path, 'POST') },
    })

  /** A nonce that the server takes, and will for some minutes. */
  const learnNonce = async (): Promise<void> => {
    // Each answer brings one, also where the proof had none.
    const answer = await fetch(`${server.url}/oauth/token`, {
      method: 'POST',
      headers: { dpop: proof('/oauth/token', 'POST') },
      body: new URLSearchParams({ client_id: CLIENT, grant_type: 'refresh_token', refresh_token: 'none' }),
    })
    await answer.body?.cancel()
    nonce = answer.headers.get('dpop-nonce') ?? nonce
  }

  const tokensOf = (answer: Answer) => {
    const { access_token: access, refresh_token: refresh } = json(heard(answer))
    return {
      tokens: { access: String(access), refresh: String(refresh) },
      ms: answer.total,
      rows: Number(answer.headers['bench-rows-written'] ?? Number.NaN),
    }
  }

  return {
    authorize: async () => {
      await learnNonce()
      const verifier = randomBytes(32).toString('base64url')
      const pushed = await post('/oauth/par', {
        response_type: 'code',
        redirect_uri: REDIRECT,
        scope: SCOPE,
        state: randomUUID(),
        code_challenge: sha256(verifier),
        code_challenge_method: 'S256',
        login_hint: server.handle,
      })
      const query = new URLSearchParams({
        client_id: CLIENT,
        request_uri: String(json(pushed)['request_uri']),
      })
      const url = `${server.url}/oauth/authorize?${query}`
      const { kind: name } = server
      const owner = { ...server, name, address: server.url }
      const { params } = await authorizeByHttp(owner, { url, redirectUri: REDIRECT })
      return { code: params.get('code') ?? '', verifier }
    },
    exchange: async ({ code, verifier }) => {
      await learnNonce()
      const form = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: REDIRECT }
      return tokensOf(await post('/oauth/token', form))
    },
    refresh: async ({ refresh }) =>
      tokensOf(await post('/oauth/token', { grant_type: 'refresh_token', refresh_token: refresh })),
    prepare: async ({ access }, method, requests) => {
      await learnNonce()
      return requests.map((request) => {
        const verb = request.body === undefined ? 'GET' : 'POST'
        const headers = { dpop: proof(`/xrpc/${method}`, verb, access) }
        return () => call(server.url, method, { ...request, authorization: `DPoP ${access}`, headers })
      })
    },
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

const signJwt = (key: KeyObject, header: object, payload: object): string => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const signed = `${encode(header)}.${encode(payload)}`
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}
