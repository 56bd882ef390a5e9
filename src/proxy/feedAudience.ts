import { isValidDid } from '@atproto/syntax'
import { isObject } from '../isObject.ts'
import { OutboundError, type Outbound } from '../outbound.ts'
import type { Platform } from '../platform.ts'
import { error, XrpcError } from '../xrpc/errors.ts'
import { createStaleWhileRevalidate, type StaleWhileRevalidate } from './staleWhileRevalidate.ts'

export interface FeedAudienceDeps {
  send: Outbound
  platform: Pick<Platform, 'now' | 'timer' | 'keepAlive'>
}

const FAILED_MS = 10_000
const MAX_RECORD_BYTES = 64 * 1024

const answerOf = async (send: Outbound, url: string): Promise<Record<string, unknown>> => {
  const answer = await send(url, { maxBytes: MAX_RECORD_BYTES, statuses: 'any' })
  const json: unknown = await answer.json().catch((cause: unknown) => {
    if (answer.status >= 400) return {}
    throw cause
  })
  const { error: name, message, value } = isObject(json) ? json : {}
  if (answer.status >= 500)
    throw error('UpstreamFailure', `the feed could not be looked up: status ${answer.status}`)
  if (answer.status >= 400)
    throw new XrpcError(
      typeof name === 'string' ? name : 'InvalidRequest',
      typeof message === 'string' ? message : 'the feed could not be looked up',
    )
  return isObject(value) ? value : {}
}

/**
 * The DID of the service that makes a feed, from the record of the feed, which `address` is asked for. A key is the address and
 * the feed's `at://` URI, with a space between them.
 */
export const createFeedAudience = ({ send, platform }: FeedAudienceDeps): StaleWhileRevalidate<string> =>
  createStaleWhileRevalidate({
    platform,
    load: async (key) => {
      const [address = '', feed = ''] = key.split(' ')
      const [, repo, collection, rkey] = /^at:\/\/([^/?#]+)\/([^/?#]+)\/([^/?#]+)$/.exec(feed) ?? []
      if (repo === undefined || collection === undefined || rkey === undefined)
        throw error('InvalidRequest', `feed: expected the at:// URI of a record, got "${feed.slice(0, 200)}"`)
      const query = new URLSearchParams({ repo, collection, rkey })
      try {
        const { did } = await answerOf(send, `${address}/xrpc/com.atproto.repo.getRecord?${query}`)
        if (typeof did === 'string' && isValidDid(did)) return did
      } catch (cause) {
        if (!(cause instanceof OutboundError)) throw cause
        throw error('UpstreamFailure', `the feed could not be looked up: ${cause.message}`)
      }
      throw new XrpcError('UnknownFeed', `the record of the feed ${feed.slice(0, 200)} names no service`)
    },
    late: () => error('UpstreamFailure', 'the feed could not be looked up within 3 seconds'),
    failureMs: () => FAILED_MS,
  })
