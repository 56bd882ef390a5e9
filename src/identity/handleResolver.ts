import { isValidDid, isValidHandle, normalizeHandle } from '@atproto/syntax'
import { type Outbound, OutboundError } from '../outbound.ts'
import { IdentityError } from './errors.ts'
import { lookUpTxtDid } from './txtDid.ts'

/** Resolves a handle to a DID. `network` is that of the caller, for the limits. */
export type ResolveHandle = (handle: string, network?: string) => Promise<string>

export interface HandleLookupDeps {
  send: Outbound
  dnsUrl?: string
}

export interface HandleResolverDeps {
  /** Asks the network for a handle that is valid, normalised and not our own. */
  lookUp: ResolveHandle
  /** The DID of a handle that this server answers for, without a request: a Worker must not fetch its own address. */
  own?(handle: string): Promise<string | undefined>
  /** Whether only our own handle resolves, because names like `alice.test` lead nowhere. */
  dev: boolean
}

const notFound = (handle: string) => new IdentityError('NotFound', `the handle ${handle} does not resolve`)

const byHttps = async (send: Outbound, handle: string): Promise<string | undefined> => {
  const answer = await send(`https://${handle}/.well-known/atproto-did`, {
    maxBytes: 4096,
    accept: 'text/plain',
  })
  const did = (await answer.text()).split('\n')[0]?.trim()
  return isValidDid(did) ? did : undefined
}

/** Gives an error of the network as a value, so that it does not hide the other way. A wrong answer is still thrown. */
const orOutboundError = async (
  work: Promise<string | undefined>,
): Promise<string | undefined | OutboundError> => {
  try {
    return await work
  } catch (cause) {
    if (cause instanceof OutboundError) return cause
    throw cause
  }
}

/** Asks the network: by the DNS record first, else by the well-known file (atproto handle specification). */
export const createHandleLookup =
  ({ send, dnsUrl }: HandleLookupDeps): ((handle: string) => Promise<string>) =>
  async (handle) => {
    // A well-known file that is wrong or missing must not hide the DNS record, and neither waits for the other.
    const [dns, https] = await Promise.all([
      orOutboundError(lookUpTxtDid(send, `_atproto.${handle}`, dnsUrl)),
      orOutboundError(byHttps(send, handle)),
    ])
    if (typeof dns === 'string') return dns
    if (typeof https === 'string') return https
    // Trying again is worth it only if neither way gave an answer.
    if (dns instanceof OutboundError && https instanceof OutboundError && https.code !== 'BadStatus')
      throw new IdentityError('Unavailable', `the handle ${handle} could not be resolved: ${dns.message}`)
    throw notFound(handle)
  }

/** Resolves our own handle itself, and looks any other up. What is not a handle is refused before. */
export const createHandleResolver =
  ({ lookUp, own, dev }: HandleResolverDeps): ResolveHandle =>
  async (text, network) => {
    if (!isValidHandle(text))
      throw new IdentityError('BadInput', `not a handle: ${JSON.stringify(text).slice(0, 300)}`)
    const handle = normalizeHandle(text)
    const ours = await own?.(handle)
    if (ours !== undefined) return ours
    if (dev) throw notFound(handle)
    return await lookUp(handle, network)
  }
