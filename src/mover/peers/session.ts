import { type Client, connect, type Session, XrpcError } from '../../client/index.ts'
import { isObject } from '../../isObject.ts'
import { MoverError } from '../moverError.ts'
import { isRefusal, ofSource } from '../refusal.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Owner } from '../owner.ts'

/** What an access token says that it is for. It is read, not verified: the server does that. */
const scopeOf = ({ accessJwt }: Session): string | undefined => {
  try {
    const claims: unknown = JSON.parse(
      Buffer.from(accessJwt.split('.')[1] ?? '', 'base64url').toString('utf8'),
    )
    return isObject(claims) && typeof claims['scope'] === 'string' ? claims['scope'] : undefined
  } catch {
    return undefined
  }
}

/** Throws if the session was opened with an app password: the PDS would refuse every step that counts, the last first. */
export const refuseAppPassword = (session: Session, origin: string): void => {
  if (scopeOf(session)?.startsWith('com.atproto.appPass'))
    throw new MoverError('app-password', `this is an app password of ${session.handle} on ${origin}`)
}

/** Of two servers with passwords, the message says which one has refused it. */
const named = (cause: unknown, origin: string): unknown =>
  isRefusal(cause)
    ? new XrpcError(cause.error, `${origin}: ${cause.message}`, {
        status: cause.status,
        headers: cause.headers,
        declared: cause.declared,
        cause,
      })
    : cause

/**
 * Signs in, and asks for the code that the server mails if it wants one. A code is asked for as often as the server
 * refuses one; no other is requested.
 */
export async function signIn(
  { origin, identifier, password }: { origin: string; identifier: string; password: string },
  { owner, deps }: { owner: Owner; deps: MoverDeps },
): Promise<Client> {
  const anyone = connect(origin, { fetch: deps.fetch })
  const logIn = async (authFactorToken?: string) => {
    const code = authFactorToken === undefined ? {} : { authFactorToken }
    try {
      return await anyone.login({ identifier, password, ...code })
    } catch (cause) {
      throw named(cause, origin)
    }
  }
  try {
    return await logIn()
  } catch (cause) {
    if (!(cause instanceof XrpcError) || cause.error !== 'AuthFactorTokenRequired') throw cause
    return await logIn((await owner.answer('signInCode', { origin })).trim())
  }
}

type CleanUpDeps = Pick<MoverDeps, 'signal' | 'cleanUpFetch'>

/** A client for the clean-up: after an interrupt, the one of the move sends nothing any more. */
export const forCleanUp = (client: Client, { signal, cleanUpFetch }: CleanUpDeps): Client =>
  signal.aborted && cleanUpFetch ? client.withFetch(cleanUpFetch) : client

/** Ends a session, if it can be ended: it is not worth more than the move. Returns why it could not be. */
export async function endSession(client: Client, deps: CleanUpDeps): Promise<string | undefined> {
  try {
    await forCleanUp(client, deps).logout()
    return undefined
  } catch (cause) {
    if (cause instanceof XrpcError) return cause.message
    throw cause
  }
}

/** What the owner is told of a session that could not be ended. */
export const openSession = (origin: string, kind: 'cirrus' | 'standard', why: string): string =>
  `the session that this run opened on ${origin} could not be ended (${why}); ${
    kind === 'cirrus'
      ? '`pds sessions` there shows it, and `pds end-sessions <id>` ends it'
      : 'it ends when its tokens expire, or with a new password there'
  }`

/** A service token for createAccount on the server with this DID, valid for a minute. */
export async function requestAccountToken(client: Client, aud: string, now: number): Promise<string> {
  const lxm = 'com.atproto.server.createAccount'
  const exp = Math.floor(now / 1000) + 60
  return (await ofSource(client.com.atproto.server.getServiceAuth({ aud, lxm, exp }))).token
}
