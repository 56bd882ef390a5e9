/** An owner's session. Store it as safely as the password. */
export interface Session {
  did: string
  handle: string
  accessJwt: string
  refreshJwt: string
}

/** What is sent as `Authorization`, and how it is renewed when the server says that it expired. */
export interface Credential {
  authorization(id: string): string | undefined
  /** Gets a new one, once for all calls that ask at the same time. Absent if it cannot be renewed. */
  renew?(): Promise<unknown>
  /** Called with each answer: the session methods' own answers change the session. */
  answered?(id: string, data: unknown): void | Promise<void>
}

const single = (start: () => Promise<unknown>): (() => Promise<unknown>) => {
  let running: Promise<unknown> | undefined
  return () => (running ??= start().finally(() => (running = undefined)))
}

/**
 * Whether a bearer token expires within a minute. A stream is not sent with such a token, as it cannot be sent twice.
 */
export function endsSoon(authorization: string | undefined): boolean {
  try {
    const claims = authorization?.split('.')[1] ?? ''
    return JSON.parse(atob(claims.replace(/-/g, '+').replace(/_/g, '/'))).exp * 1000 < Date.now() + 60_000
  } catch {
    return false
  }
}

export const basic = (password: string): Credential => {
  const bytes = new TextEncoder().encode(`admin:${password}`)
  const authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`
  return { authorization: () => authorization }
}

export function bearer(token: string, renew?: () => Promise<string>): Credential {
  return {
    authorization: () => `Bearer ${token}`,
    renew: renew && single(async () => (token = await renew())),
  }
}

const REFRESH_SESSION = 'com.atproto.server.refreshSession'
const DELETE_SESSION = 'com.atproto.server.deleteSession'

/** Whether a method takes the refresh token, which cannot be renewed. */
export const takesRefreshToken = (id: string): boolean => id === REFRESH_SESSION || id === DELETE_SESSION

/** The members of an answer that make a session. */
export const toSession = ({ did, handle, accessJwt, refreshJwt }: Session): Session => ({
  did,
  handle,
  accessJwt,
  refreshJwt,
})

export interface SessionCredential extends Credential {
  session: Session | undefined
  end(): Promise<void>
}

export function sessionCredential(
  session: Session,
  refresh: () => Promise<unknown>,
  changed: (session: Session | undefined) => void | Promise<void> = () => {},
): SessionCredential {
  const self: SessionCredential = {
    session,
    authorization: (id) =>
      self.session && `Bearer ${takesRefreshToken(id) ? self.session.refreshJwt : self.session.accessJwt}`,
    renew: single(refresh),
    async answered(id, data) {
      if (id === DELETE_SESSION) await self.end()
      // The answer of refreshSession is a session. A session that ended in the meantime stays ended.
      if (id === REFRESH_SESSION && self.session) await changed((self.session = toSession(data as Session)))
    },
    async end() {
      self.session = undefined
      await changed(undefined)
    },
  }
  return self
}
