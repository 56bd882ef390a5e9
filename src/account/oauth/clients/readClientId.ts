import { OutboundError, checkUrl } from '../../../outbound.ts'
import { OAuthError } from '../oauthError.ts'

const invalid = (id: string, why: string) =>
  new OAuthError('invalid_client_metadata', `the client_id ${JSON.stringify(id.slice(0, 200))} ${why}`)

const check = (id: string, dev: boolean): URL => {
  try {
    return checkUrl(id, { dev })
  } catch (cause) {
    if (cause instanceof OutboundError) throw invalid(id, `cannot be fetched: ${cause.message}`)
    throw cause
  }
}

/**
 * The address of a client's metadata document, which is the client's id. It must be spelled as the URL parser spells it:
 * ids are compared and shown as text, and one client must not have two. Throws OAuthError.
 */
export const readClientId = (id: string, { dev }: { dev: boolean }): URL => {
  const url = check(id, dev)
  if (id.includes('#')) throw invalid(id, 'has a fragment')
  if (url.pathname.endsWith('/')) throw invalid(id, 'must have a path that does not end with a slash')
  // Accounts upload blobs to a PDS: a document among them would be shown as an app of that host, perhaps of this one.
  if (/^\/+xrpc\//i.test(url.pathname)) throw invalid(id, 'is the address of a method, such as of a blob')
  if (url.href !== id) throw invalid(id, `is not in canonical form, which is ${url.href}`)
  return url
}
