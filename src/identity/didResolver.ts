import { isValidDid } from '@atproto/syntax'
import { type Outbound, OutboundError } from '../outbound.ts'
import { type Directory, DirectoryError } from '../plc/directory.ts'
import { type DidDocument, type DidDocumentJson, parseDidDocument } from './didDocument.ts'
import { IdentityError } from './errors.ts'

const MAX_DOCUMENT_BYTES = 256 * 1024

export type ResolveDid = (did: string) => Promise<DidDocument>

export interface DidResolverDeps {
  send: Outbound
  directory: Directory
  /** Whether did:web on localhost resolves, over http. */
  dev: boolean
  /** Documents that this server itself serves: a Worker must not fetch its own address. */
  own?: (did: string) => Promise<DidDocumentJson | undefined>
}

/** The URL of a did:web's document. atproto accepts host names only, and ports for localhost only. */
export const didWebUrl = (did: string, dev: boolean): string => {
  const host = did.slice('did:web:'.length).replace(/%3A(\d+)$/i, ':$1')
  const local = /^localhost(:\d+)?$/.test(host)
  if (!(dev && local) && !/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(host))
    throw new IdentityError('BadInput', `not a did:web that atproto accepts (a host name, no path): ${did}`)
  return `${local ? 'http' : 'https'}://${host}/.well-known/did.json`
}

const identityError = (did: string, cause: unknown): unknown => {
  if (cause instanceof DirectoryError) {
    const code = { Unavailable: 'Unavailable', NotFound: 'NotFound', Gone: 'NotFound' } as const
    const known = cause.code === 'Rejected' || cause.code === 'BadAnswer' ? 'BadAnswer' : code[cause.code]
    return new IdentityError(known, cause.message)
  }
  if (!(cause instanceof OutboundError)) return cause
  if (cause.code === 'Blocked') return new IdentityError('BadInput', cause.message)
  const gone = cause.status === 404 || cause.status === 410
  return gone
    ? new IdentityError('NotFound', `there is no document of ${did}`)
    : new IdentityError('Unavailable', `${did} could not be resolved: ${cause.message}`)
}

/** Resolves did:plc through the directory and did:web through its host. */
export const createDidResolver =
  ({ send, directory, dev, own }: DidResolverDeps): ResolveDid =>
  async (did) => {
    if (!isValidDid(did))
      throw new IdentityError('BadInput', `not a DID: ${JSON.stringify(did).slice(0, 100)}`)
    const ours = await own?.(did)
    if (ours) return parseDidDocument(did, ours)
    try {
      if (/^did:plc:[a-z2-7]{24}$/.test(did)) return parseDidDocument(did, await directory.document(did))
      if (!did.startsWith('did:web:'))
        throw new IdentityError('BadInput', `only did:plc and did:web are supported: ${did}`)
      const url = didWebUrl(did, dev)
      const answer = await send(url, {
        maxBytes: MAX_DOCUMENT_BYTES,
        accept: 'application/did+ld+json, application/json',
      })
      return parseDidDocument(did, await answer.json())
    } catch (cause) {
      throw identityError(did, cause)
    }
  }

/** Splits text such as `did:web:api.example#bsky_appview`; `undefined` if it does not have this form. */
export const parseServiceDid = (text: string): { did: string; service: string } | undefined => {
  const [did = '', service = '', ...rest] = text.split('#')
  return isValidDid(did) && /^[\w.-]{1,64}$/.test(service) && rest.length === 0 ? { did, service } : undefined
}

/** Finds the service that `did#service` names, the form of the `atproto-proxy` header. */
export const resolveService = async (
  resolve: ResolveDid,
  text: string,
): Promise<{ did: string; service: string; endpoint: string }> => {
  const parsed = parseServiceDid(text)
  if (!parsed) throw new IdentityError('BadInput', 'a service is named as did#service')
  const found = (await resolve(parsed.did)).services.get(parsed.service)
  if (!found) throw new IdentityError('NotFound', `${parsed.did} has no service #${parsed.service}`)
  return { ...parsed, endpoint: found.endpoint.replace(/\/$/, '') }
}
