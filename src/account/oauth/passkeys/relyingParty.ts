import { PasskeyError } from './passkeyError.ts'

/** What passkeys belong to: the host name of this server. */
export interface RelyingParty {
  /** The host name: a browser offers a passkey only there. */
  id: string
  origin: string
}

const isAddress = (hostname: string): boolean => /^[\d.]+$|^\[/.test(hostname)

/** Browsers make passkeys for host names, and never for an IP address: a server that has only that one cannot have any. */
export const relyingParty = (origin: string): RelyingParty => {
  const { hostname } = new URL(origin)
  if (isAddress(hostname))
    throw new PasskeyError(
      'NoHostName',
      `passkeys belong to a host name, and HOSTNAME is the address ${hostname}; in development take localhost`,
    )
  return { id: hostname, origin }
}
