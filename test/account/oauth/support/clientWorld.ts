import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createClients } from '../../../../src/account/oauth/clients/clients.ts'
import type { Clients } from '../../../../src/account/oauth/clients/types.ts'
import { outbound } from '../../../../src/outbound.ts'
import { NOW } from '../../../crypto/support.ts'

export const ISSUER = 'https://cirrus.example'
export const ID = 'https://app.example.org/client.json'

/** A document that is right, with members replaced; undefined leaves one out. */
export const publicDocument = (members: Record<string, unknown> = {}, id = ID): Record<string, unknown> => ({
  client_id: id,
  client_name: 'An app',
  scope: 'atproto transition:generic',
  redirect_uris: ['https://app.example.org/callback'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'none',
  application_type: 'web',
  dpop_bound_access_tokens: true,
  ...members,
})

export const confidentialDocument = (members: Record<string, unknown>): Record<string, unknown> =>
  publicDocument({
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    ...members,
  })

/** What a web server answers at an address: JSON, or what a function makes. */
export type Page = object | (() => Response | Promise<Response>)

/** Clients whose documents lie in `pages`, with the time and every fetch in the hands of the test. */
export interface ClientWorld {
  clients: Clients
  pages: Map<string, Page>
  /** The addresses that were fetched. */
  fetched: string[]
  /** The clients that hold grants. */
  granted: Set<string>
  now(): number
  advance(ms: number): void
  /** Rings what waits for so long at least. */
  ring(ms: number): void
}

export const createClientWorld = ({ dev = false } = {}): ClientWorld => {
  let now = NOW
  const pages = new Map<string, Page>()
  const fetched: string[] = []
  const granted = new Set<string>()
  const timers = new Map<() => void, number>()
  const platform = {
    now: () => now,
    keepAlive: () => {},
    timer: (ms: number, ring: () => void) => {
      timers.set(ring, ms)
      return () => void timers.delete(ring)
    },
    fetch: (async (input: string) => {
      fetched.push(input)
      const page = pages.get(input)
      if (typeof page === 'function') return (await page()) as Response // as the type says
      return page === undefined ? new Response('', { status: 404 }) : Response.json(page)
    }) as typeof fetch, // of its arguments, only these are used
  }
  const clients = createClients({
    platform,
    outbound: outbound(platform, { dev }),
    origin: ISSUER,
    dev,
    hasGrant: (id) => granted.has(id),
  })
  return {
    clients,
    pages,
    fetched,
    granted,
    now: () => now,
    advance: (ms) => {
      now += ms
    },
    ring: (least) => {
      for (const [ring, ms] of timers) if (ms >= least) ring()
    },
  }
}

/** A confidential client's key, and what it signs: a good assertion, unless something else is said. */
export const createAssertionKey = async (world: Pick<ClientWorld, 'now'>, alg = 'ES256', kid = 'key 1') => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig' }
  let assertions = 0
  const assertion = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) => {
    const iat = Math.floor(world.now() / 1000)
    const jti = `${kid} ${assertions++}`
    return new SignJWT({ iss: ID, sub: ID, aud: ISSUER, iat, exp: iat + 60, jti, ...claims })
      .setProtectedHeader({ alg, kid, ...header })
      .sign(privateKey)
  }
  return { jwk, jkt: await calculateJwkThumbprint(jwk), privateKey, assertion }
}
