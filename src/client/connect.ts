import { createNamespaces } from '../generated/client/namespaces.ts'
import {
  basic,
  bearer,
  type Credential,
  type Session,
  sessionCredential,
  type SessionCredential,
  toSession,
} from './credential.ts'
import { XrpcError } from './errors.ts'
import { originOf } from './host.ts'
import { createTransport } from './transport.ts'
import type { Fetch } from './types.ts'

/** At most one of `token`, `admin` and `session`. */
export interface ConnectOptions {
  /** A bearer token: a migration token, or a service token for createAccount. */
  token?: string
  /** Called for another token when the server says that `token` expired. The call is then repeated with it. */
  renewToken?: () => Promise<string>
  /** The admin password of a Cirrus. */
  admin?: { password: string }
  /** A stored session, or the answer of createAccount. */
  session?: Session
  /** Called and awaited at every change of the session, so that you can store it. `undefined`: it ended. */
  onSession?: (session: Session | undefined) => void | Promise<void>
  /** In place of the global `fetch`. */
  fetch?: Fetch
  /** Sent with every request. */
  headers?: Record<string, string>
}

/** The methods as generated from the lexicons: `client.com.atproto.sync.getRepo({ did })`. */
export type Namespaces = ReturnType<typeof createNamespaces>

/** The methods of one server, called with one credential. */
export interface Client extends Namespaces {
  readonly origin: string
  /** The session in use, with its latest tokens. */
  readonly session: Session | undefined
  /** The same server with another credential: a token. */
  withToken(token: string): Client
  /** The same server with another credential: a session. */
  withSession(session: Session): Client
  /** The same server and credential over another `fetch`. Of a session, use only one of the two from then on. */
  withFetch(fetch: Fetch): Client
  /** Signs in and returns the client that is signed in. Its access token is refreshed when it expires. */
  login(credentials: { identifier: string; password: string; authFactorToken?: string }): Promise<Client>
  /** Revokes the session on the server. The client is anonymous from then on. */
  logout(): Promise<void>
}

const isOver = (error: unknown): boolean =>
  error instanceof XrpcError && (error.error === 'ExpiredToken' || error.error === 'InvalidToken')

/** A client for the server at `host`, e.g. `alice.example`. Nothing is sent before the first call. */
export function connect(host: string, options: ConnectOptions = {}): Client {
  const { token, renewToken, admin, onSession, fetch: send, headers } = options
  if ([token, admin, options.session].filter(Boolean).length > 1)
    throw new TypeError('connect takes one of token, admin and session')
  const origin = originOf(host)
  const plain = { fetch: send, headers }

  let owner: SessionCredential | undefined
  let credential: Credential | undefined
  if (token) credential = bearer(token, renewToken)
  if (admin) credential = basic(admin.password)
  if (options.session) {
    const refresh = () =>
      namespaces.com.atproto.server.refreshSession().catch(async (error: unknown) => {
        if (isOver(error)) await owner?.end()
        throw error
      })
    credential = owner = sessionCredential(options.session, refresh, onSession)
  }
  const namespaces = createNamespaces(
    createTransport({ origin, fetch: send ?? ((url, init) => fetch(url, init)), headers, credential }),
  )
  const withSession = (session: Session) => connect(origin, { ...plain, session, onSession })
  return {
    ...namespaces,
    origin,
    get session() {
      return owner?.session
    },
    withToken: (other) => connect(origin, { ...plain, token: other }),
    withSession,
    withFetch(other) {
      const { session: _, ...kept } = options
      return connect(origin, { ...kept, fetch: other, ...(owner?.session && { session: owner.session }) })
    },
    async login(credentials) {
      const session = toSession(await connect(origin, plain).com.atproto.server.createSession(credentials))
      await onSession?.(session)
      return withSession(session)
    },
    async logout() {
      if (!owner?.session) return
      try {
        await namespaces.com.atproto.server.deleteSession()
      } catch (error) {
        if (!isOver(error)) throw error
        await owner.end()
      }
    },
  }
}
