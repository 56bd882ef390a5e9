import { PasskeyError } from './passkeyError.ts'

/** What passkeys belong to: the host name of this server. */
export interface RelyingParty {
  /** The host name: a browser offers a passkey only there. */
  id: string
  origin: string
}

/** Whether a server of this origin can have passkeys. */
export const hasHostName = (origin: string): boolean => !/^[\d.]+$|^\[/.test(new URL(origin).hostname)

/** Browsers make passkeys for host names, and never for an IP address: a server that has only that one cannot have any. */
export const relyingParty = (origin: string): RelyingParty => {
  const { hostname } = new URL(origin)
  if (!hasHostName(origin))
    throw new PasskeyError(
      'NoHostName',
      `passkeys belong to a host name, and HOSTNAME is the address ${hostname}; in development take localhost`,
    )
  return { id: hostname, origin }
}
