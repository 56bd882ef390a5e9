import { isObject, type JsonObject } from '../../isObject.ts'
import type { Platform } from '../../platform.ts'
import type { ViewBody, ViewPlan, ViewQuery, ViewQueryAnswer, ViewRequest } from '../../viewPlan.ts'
import { readHead } from '../db/head.ts'
import type { Sql } from '../db/sql.ts'
import { getActorLikes } from './getActorLikes.ts'
import { getAuthorFeed } from './getAuthorFeed.ts'
import { findUnknown, getPostThread, unknownThread } from './getPostThread.ts'
import { getProfile } from './getProfile.ts'
import { getProfiles } from './getProfiles.ts'
import { getTimeline } from './getTimeline.ts'
import { imageUrls } from './imageUrls.ts'
import { localRecordsSince, PROFILE_PATH, readLocal, type LocalRecordsDeps } from './localRecords.ts'
import { quotedViews, quoteQueries } from './quotedRecords.ts'
import { readBody } from './readBody.ts'
import { asObject, UpstreamShapeError } from './upstreamShape.ts'
import type { LocalRecords, Merge, ViewContext } from './view.ts'

/**
 * Read after write: a service answers from its own index, which lags behind what was written here, and the owner expects
 * to see at once what they have posted. The Worker asks first what there is to do, so that an answer to which nothing
 * is added passes as it came; parsing and merging is work for the object.
 */
export interface Views {
  plan(request: ViewRequest): ViewPlan
  /** The merged answer as JSON. Undefined: the answer of the service is right, or cannot be read. */
  merge(
    request: ViewRequest,
    answer: ViewBody,
    queryAnswers: readonly ViewQueryAnswer[],
  ): Uint8Array | undefined
}

export interface ViewsDeps extends LocalRecordsDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  /** The account's handle now. */
  handle(): string
  origin: string
  /** Where pictures are found; see imageUrls.ts. */
  cdnUrlPattern: string | undefined
}

const MERGES = new Map<string, { merge: Merge; adds: (local: LocalRecords) => boolean }>([
  ['app.bsky.actor.getProfile', { merge: getProfile, adds: ({ profile }) => profile !== undefined }],
  ['app.bsky.actor.getProfiles', { merge: getProfiles, adds: ({ profile }) => profile !== undefined }],
  ['app.bsky.feed.getActorLikes', { merge: getActorLikes, adds: ({ profile }) => profile !== undefined }],
  ['app.bsky.feed.getAuthorFeed', { merge: getAuthorFeed, adds: () => true }],
  ['app.bsky.feed.getPostThread', { merge: getPostThread, adds: ({ posts }) => posts.length > 0 }],
  ['app.bsky.feed.getTimeline', { merge: getTimeline, adds: ({ posts }) => posts.length > 0 }],
])

/** The methods with posts, which may quote records. */
const QUOTES = ['app.bsky.feed.getAuthorFeed', 'app.bsky.feed.getPostThread', 'app.bsky.feed.getTimeline']

const NOTHING: ViewPlan = { merge: false, queries: [] }

export const createViews = (deps: ViewsDeps): Views => {
  const { sql, platform, did, handle } = deps
  const imageUrl = imageUrls(deps)

  const contextOf = (local: LocalRecords, quoted: ReadonlyMap<string, JsonObject>): ViewContext => ({
    did,
    handle: handle(),
    local,
    profile: (local.profile ?? readLocal(deps, PROFILE_PATH, 0))?.value,
    imageUrl,
    quoted: (uri) => quoted.get(uri),
  })

  const lagOf = ({ posts, profile }: LocalRecords): number => {
    const oldest = Math.min(...[...posts, ...(profile ? [profile] : [])].map(({ writtenAt }) => writtenAt))
    return Math.max(0, platform.now() - oldest)
  }

  const threadQueries = (context: ViewContext, params: URLSearchParams): ViewQuery[] | undefined => {
    const unknown = findUnknown(context, params)
    if (!unknown) return undefined
    const { above } = unknown
    if (!above) return []
    const search = { uri: above.uri, depth: '0', parentHeight: String(above.height - 1) }
    return [{ id: 'app.bsky.feed.getPostThread', search: new URLSearchParams(search).toString() }]
  }

  const plan: Views['plan'] = ({ id, search, rev, notFound }) => {
    const method = MERGES.get(id)
    if (!method || (readHead(sql)?.rev ?? '') <= rev) return NOTHING
    const local = localRecordsSince(deps, rev)
    if (local.posts.length === 0 && !local.profile) return NOTHING
    const lagMs = lagOf(local)
    const quotes = QUOTES.includes(id) ? quoteQueries(local.posts) : []
    if (!notFound) {
      const merge = method.adds(local)
      return { lagMs, merge, queries: merge ? quotes : [] }
    }
    const above = threadQueries(contextOf(local, new Map()), new URLSearchParams(search))
    return above ? { lagMs, merge: true, queries: [...quotes, ...above] } : NOTHING
  }

  const mergeUnknown = (
    context: ViewContext,
    params: URLSearchParams,
    answers: readonly { id: string; value: unknown }[],
  ): JsonObject | undefined => {
    const unknown = findUnknown(context, params)
    const above = answers.find(({ id }) => id === 'app.bsky.feed.getPostThread')?.value
    return unknown && unknownThread(context, unknown, params, isObject(above) ? above : undefined)
  }

  const merge: Views['merge'] = ({ id, search, rev, notFound }, answer, queryAnswers) => {
    const local = localRecordsSince(deps, rev)
    const answers = queryAnswers.map((answer) => ({ id: answer.id, value: readBody(answer) }))
    const quoted = new Map(answers.flatMap(({ id, value }) => quotedViews(id, value)))
    const context = contextOf(local, quoted)
    const params = new URLSearchParams(search)
    try {
      const merged = notFound
        ? mergeUnknown(context, params, answers)
        : MERGES.get(id)?.merge(context, asObject(readBody(answer), 'the answer'), params)
      return merged && new TextEncoder().encode(JSON.stringify(merged))
    } catch (cause) {
      // A RangeError: nested too deeply to be gone through.
      if (cause instanceof UpstreamShapeError || cause instanceof RangeError) return undefined
      throw cause
    }
  }

  return { plan, merge }
}
