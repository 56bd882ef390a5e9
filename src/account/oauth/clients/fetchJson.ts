import type { Outbound } from '../../../outbound.ts'
import { OAuthError } from '../oauthError.ts'

const MAX_BYTES = 512 * 1024

/**
 * Fetches a document that a client publishes. Throws OutboundError where it cannot be had, and OAuthError where the answer
 * is not one of these types, or not JSON.
 */
export const fetchJson = async (
  outbound: Outbound,
  url: string,
  types: readonly string[],
): Promise<unknown> => {
  const wrong = (why: string) => new OAuthError('invalid_client_metadata', `${url} ${why}`)
  const { status, headers, text, stream } = await outbound(url, {
    accept: types.join(', '),
    maxBytes: MAX_BYTES,
  })
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (status !== 200 || type === undefined || !types.includes(type)) {
    await stream().cancel()
    throw wrong(`must be answered with status 200 and ${types[0]}`)
  }
  const json = await text()
  try {
    const value: unknown = JSON.parse(json)
    return value
  } catch {
    throw wrong('is not JSON')
  }
}
