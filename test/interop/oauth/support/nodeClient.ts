// Apps that use @atproto/oauth-client-node.
import {
  buildAtprotoLoopbackClientMetadata,
  JoseKey,
  NodeOAuthClient,
  requestLocalLock,
  type NodeOAuthClientOptions,
  type NodeSavedSession,
  type NodeSavedState,
} from '@atproto/oauth-client-node'
import { CLIENT_ORIGIN, type ClientHost } from './clientHost.ts'

/** A store that a test can look into. */
export class Store<Value> {
  readonly values = new Map<string, Value>()
  get = (key: string): Value | undefined => this.values.get(key)
  set = (key: string, value: Value): void => void this.values.set(key, value)
  del = (key: string): void => void this.values.delete(key)
}

export interface App {
  readonly client: NodeOAuthClient
  readonly redirectUri: string
  readonly sessions: Store<NodeSavedSession>
}

/** Nothing listens there: see `authorize`. */
const LOOPBACK_REDIRECT = 'http://127.0.0.1:9/callback'

export interface AppOptions {
  scope: string
  responseMode?: NodeOAuthClientOptions['responseMode']
  /** Sessions of another process. */
  sessions?: Store<NodeSavedSession>
}

/** What an app needs to know of the network: the directory, and who resolves handles. */
export interface Network {
  readonly plcUrl: string
  readonly handleResolver: string
}

const common = ({ plcUrl, handleResolver }: Network, { responseMode = 'query', sessions }: AppOptions) => ({
  responseMode,
  stateStore: new Store<NodeSavedState>(),
  sessionStore: sessions ?? new Store<NodeSavedSession>(),
  allowHttp: true,
  handleResolver,
  plcDirectoryUrl: plcUrl,
  requestLock: requestLocalLock,
})

/** A program on the owner's machine, which has no document of its own. */
export function loopbackApp(network: Network, options: AppOptions): App {
  const settings = common(network, options)
  const client = new NodeOAuthClient({
    ...settings,
    clientMetadata: buildAtprotoLoopbackClientMetadata({
      scope: options.scope,
      redirect_uris: [LOOPBACK_REDIRECT],
    }),
  })
  return { client, redirectUri: LOOPBACK_REDIRECT, sessions: settings.sessionStore }
}

/** One key for all of them: a server keeps what it fetched of a client for some minutes. */
const key = JoseKey.generate(['ES256'], 'key-1')

/** An app with a server of its own, which keeps a key. */
export async function confidentialApp(
  network: Network & { readonly clients: ClientHost },
  options: AppOptions,
): Promise<App> {
  const redirectUri = `${CLIENT_ORIGIN}/callback` as const
  const settings = common(network, options)
  const client = new NodeOAuthClient({
    ...settings,
    keyset: [await key],
    clientMetadata: {
      client_id: `${CLIENT_ORIGIN}/client.json`,
      client_name: 'An app of the tests',
      client_uri: CLIENT_ORIGIN,
      redirect_uris: [redirectUri],
      scope: options.scope,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      application_type: 'web',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      dpop_bound_access_tokens: true,
      jwks_uri: `${CLIENT_ORIGIN}/jwks.json`,
    },
  })
  network.clients.publish('/client.json', client.clientMetadata)
  network.clients.publish('/jwks.json', client.jwks)
  return { client, redirectUri, sessions: settings.sessionStore }
}
