import { type Client, connect, type Session, XrpcError } from '../../client/index.ts'
import { isObject } from '../../isObject.ts'
import { MoverError } from '../moverError.ts'
import { ofSource } from '../refusal.ts'
import type { MoverDeps, Owner } from '../types.ts'

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

/**
 * Signs in, and asks for the code that the server mails if it wants one. A code is asked for as often as the server
 * refuses one; no other is requested.
 */
export async function signIn(
  { origin, identifier, password }: { origin: string; identifier: string; password: string },
  { owner, deps }: { owner: Owner; deps: MoverDeps },
): Promise<Client> {
  const anyone = connect(origin, { fetch: deps.fetch })
  try {
    return await anyone.login({ identifier, password })
  } catch (cause) {
    if (!(cause instanceof XrpcError) || cause.error !== 'AuthFactorTokenRequired') throw cause
    const authFactorToken = (await owner.answer('signInCode', { origin })).trim()
    return await anyone.login({ identifier, password, authFactorToken })
  }
}

/** Ends a session, if it can be ended: it is not worth more than the move. */
export async function endSession(client: Client): Promise<void> {
  try {
    await client.logout()
  } catch (cause) {
    if (!(cause instanceof XrpcError)) throw cause
  }
}

/** A service token for createAccount on the server with this DID, valid for a minute. */
export async function requestAccountToken(client: Client, aud: string, now: number): Promise<string> {
  const lxm = 'com.atproto.server.createAccount'
  const exp = Math.floor(now / 1000) + 60
  return (await ofSource(client.com.atproto.server.getServiceAuth({ aud, lxm, exp }))).token
}
