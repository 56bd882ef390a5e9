import type { ClientMetadata } from './types.ts'
import { isLoopback } from './redirectProblem.ts'

/**
 * Whether a client may be sent to this address: one that it declares, exactly. Programs on the owner's machine get a port
 * when they start, so a loopback address without a port stands for the same one with any (RFC 8252, section 7.3).
 */
export const isDeclaredRedirect = ({ redirectUris }: Pick<ClientMetadata, 'redirectUris'>, uri: string) => {
  if (redirectUris.includes(uri)) return true
  if (!/^http:[\x21-\x7e]+$/.test(uri) || uri.includes('#') || !URL.canParse(uri)) return false
  const asked = new URL(uri)
  asked.port = ''
  return redirectUris.some((declared) => {
    const url = new URL(declared)
    return isLoopback(url) && url.href === asked.href
  })
}
