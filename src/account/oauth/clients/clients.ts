import { KeyError, TokenError } from '../../../crypto/errors.ts'
import { importPublicJwk, type JwkAlg } from '../../../crypto/publicJwk.ts'
import { type Outbound, OutboundError } from '../../../outbound.ts'
import type { Platform } from '../../../platform.ts'
import { OAuthError } from '../oauthError.ts'
import type { Client, ClientAuth, ClientCredentials, Clients } from './types.ts'
import { createDocuments } from './documents.ts'
import { fetchJson } from './fetchJson.ts'
import { loopbackClient } from './loopbackClient.ts'
import { ASSERTION_LIFETIME_MS, ASSERTION_TYPE, invalidClient, readAssertion } from './readAssertion.ts'
import { readClientId } from './readClientId.ts'
import { ASSERTION_ALGS, readClientMetadata } from './readClientMetadata.ts'
import { type ClientKey, readJwks } from './readJwks.ts'
import { createUsedAssertions } from './usedAssertions.ts'

export interface ClientsDeps {
  platform: Pick<Platform, 'now' | 'timer' | 'keepAlive'>
  outbound: Outbound
  /** The origin of this server, which is the issuer. */
  origin: string
  dev: boolean
  /** Whether the client holds a grant that has not ended. */
  hasGrant(clientId: string): boolean
}

/** The document of a client could not be had. */
const unavailable = (id: string) => (cause: unknown) => {
  if (!(cause instanceof OutboundError)) throw cause
  throw new OAuthError('invalid_client_metadata', `the metadata of ${id} cannot be fetched: ${cause.message}`)
}

const otherKey = () =>
  new OAuthError(
    'invalid_grant',
    'the grant was made to a key of the client that is not the one it names now',
  )

const isSameKey = (bound: ClientAuth, auth: ClientAuth): boolean =>
  bound.method === 'private_key_jwt' &&
  auth.method === 'private_key_jwt' &&
  bound.alg === auth.alg &&
  bound.kid === auth.kid &&
  bound.jkt === auth.jkt

const algOf = ({ metadata }: Client): JwkAlg => {
  const alg = ASSERTION_ALGS.find((it) => it === metadata.authAlg)
  if (alg) return alg
  throw invalidClient('the client declares no alg that is supported')
}

/** Clients that publish a document, which is their id, and programs in development. */
export const createClients = ({ platform, outbound, origin, dev, hasGrant }: ClientsDeps): Clients => {
  const documents = createDocuments({
    platform,
    isKept: hasGrant,
    load: async (id) =>
      readClientMetadata(await fetchJson(outbound, id, ['application/json']), readClientId(id, { dev }), {
        dev,
      }),
  })
  /** By client, alg and address, with a space between them, which none of them contains. */
  const keySets = createDocuments<ClientKey[]>({
    platform,
    isKept: (key) => hasGrant(key.split(' ', 1)[0] ?? ''),
    load: async (key) => {
      const [, alg, url = ''] = key.split(' ')
      const jwks = await fetchJson(outbound, url, ['application/json', 'application/jwk-set+json'])
      const known = ASSERTION_ALGS.find((it) => it === alg)
      const keys = known && readJwks(jwks, known)
      if (keys) return keys
      throw new OAuthError('invalid_client_metadata', `${url} is not a JWKS`)
    },
  })
  const used = createUsedAssertions({ platform, lifetimeMs: ASSERTION_LIFETIME_MS })

  const load = async (id: string, freshness: 'get' | 'getLatest', network?: string): Promise<Client> => {
    const loopback = loopbackClient(id)
    if (loopback) return { id, kind: 'loopback', metadata: loopback }
    readClientId(id, { dev })
    const metadata = await documents[freshness](id, network).catch(unavailable(id))
    return { id, kind: 'discoverable', metadata }
  }

  const keyOf = async (client: Client, kid: string, freshness: 'get' | 'getLatest', network?: string) => {
    const { jwks, jwksUri } = client.metadata
    const alg = algOf(client)
    const keys =
      jwksUri === undefined
        ? readJwks(jwks, alg)
        : await keySets[freshness](`${client.id} ${alg} ${jwksUri}`, network).catch(unavailable(client.id))
    return keys?.find((key) => key.kid === kid)
  }

  /** Verifies an assertion. Where the client has no key with its kid, its document and its keys are fetched again. */
  const prove = async (
    client: Client,
    { assertion, network }: { assertion: string; network: string | undefined },
    bound: ClientAuth | undefined,
    freshness: 'get' | 'getLatest' = 'get',
  ): Promise<{ client: Client; auth: ClientAuth; jti: string; jkt: string }> => {
    const alg = algOf(client)
    const { kid, jti } = readAssertion(assertion, {
      clientId: client.id,
      issuer: origin,
      alg,
      now: platform.now(),
    })
    const jwk = await keyOf(client, kid, freshness, network)
    if (!jwk && freshness === 'get')
      return prove(await load(client.id, 'getLatest', network), { assertion, network }, bound, 'getLatest')
    if (!jwk && bound?.method === 'private_key_jwt' && bound.kid === kid) throw otherKey()
    if (!jwk) throw invalidClient(`the client has no key with the kid ${JSON.stringify(kid.slice(0, 100))}`)
    try {
      const key = await importPublicJwk(jwk, alg)
      await key.verify(assertion)
      return { client, auth: { method: 'private_key_jwt', alg, kid, jkt: key.jkt }, jti, jkt: key.jkt }
    } catch (cause) {
      if (cause instanceof KeyError || cause instanceof TokenError)
        throw invalidClient(`client_assertion: ${cause.message}`)
      throw cause
    }
  }

  const authenticateConfidential = async (
    found: Client,
    { assertionType, assertion, dpopJkt, network }: ClientCredentials,
    bound: ClientAuth | undefined,
  ) => {
    if (assertion === undefined) throw invalidClient('client_assertion is missing')
    if (assertionType !== ASSERTION_TYPE)
      throw invalidClient(`client_assertion_type must be ${ASSERTION_TYPE}`)
    const { client, auth, jti, jkt } = await prove(found, { assertion, network }, bound)
    if (jkt === dpopJkt)
      throw new OAuthError(
        'invalid_request',
        'client_assertion and the DPoP proof must not have the same key',
      )
    const taken = used.take(client.id, jti, network)
    if (taken === 'replayed') throw invalidClient('client_assertion was used before')
    if (taken === 'full')
      throw new OAuthError(
        'temporarily_unavailable',
        'the client authenticates too often; try again in a minute',
        {
          'retry-after': '60',
        },
      )
    return { client, auth }
  }

  return {
    find: (id) => load(id, 'get'),
    authenticate: async (credentials, bound) => {
      const client = await load(credentials.clientId, 'get', credentials.network)
      const proven =
        client.metadata.authMethod === 'none'
          ? { client, auth: { method: 'none' } as const }
          : await authenticateConfidential(client, credentials, bound)
      // A client that was public may have become one that proves itself, which is more.
      if (bound?.method === 'private_key_jwt' && !isSameKey(bound, proven.auth)) throw otherKey()
      return proven
    },
  }
}
