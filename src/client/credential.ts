/** What is put into `Authorization`, and what is done when the server says that it expired. */
import type { MethodId } from './types.ts'

/** An owner's session. Keep it where you would keep the password. */
export interface Session {
  did: string
  handle: string
  accessJwt: string
  refreshJwt: string
}

export interface Credential {
  authorization(id: MethodId): string | undefined
  /** Gets a new one, once however many calls ask at the same time. Absent where there is no way to. */
  renew?(): Promise<unknown>
  /** Hears of each answer: sessions change by the answers of their own methods. */
  answered?(id: MethodId, data: unknown): void | Promise<void>
}

const single = (start: () => Promise<unknown>): (() => Promise<unknown>) => {
  let running: Promise<unknown> | undefined
  return () => (running ??= start().finally(() => (running = undefined)))
}

/** Whether a bearer token says that it ends within the minute: a stream sent with it could not be sent again. */
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

const REFRESH = 'com.atproto.server.refreshSession'
const DELETE = 'com.atproto.server.deleteSession'

/** These two take the refresh token; nothing renews that. */
export const endsSession = (id: MethodId): boolean => id === REFRESH || id === DELETE

/** The part of an answer to keep. */
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
      self.session && `Bearer ${endsSession(id) ? self.session.refreshJwt : self.session.accessJwt}`,
    renew: single(refresh),
    async answered(id, data) {
      if (id === DELETE) await self.end()
      // The answer of refreshSession is a session; one that was ended meanwhile stays ended.
      if (id === REFRESH && self.session) await changed((self.session = toSession(data as Session)))
    },
    async end() {
      self.session = undefined
      await changed(undefined)
    },
  }
  return self
}
