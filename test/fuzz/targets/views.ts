import { jsonToLex, Lexicons } from '@atproto/lexicon'
import { schemas } from '@atproto/api'
import { getActorLikes } from '../../../src/account/views/getActorLikes.ts'
import { getAuthorFeed } from '../../../src/account/views/getAuthorFeed.ts'
import { findUnknown, getPostThread, unknownThread } from '../../../src/account/views/getPostThread.ts'
import { getProfile } from '../../../src/account/views/getProfile.ts'
import { getProfiles } from '../../../src/account/views/getProfiles.ts'
import { getTimeline } from '../../../src/account/views/getTimeline.ts'
import { quotedViews } from '../../../src/account/views/quotedRecords.ts'
import { readBody } from '../../../src/account/views/readBody.ts'
import { UpstreamShapeError } from '../../../src/account/views/upstreamShape.ts'
import { isObject, type JsonObject } from '../../../src/isObject.ts'
import {
  CID,
  context,
  DID,
  HANDLE,
  OTHER,
  params,
  postUri,
  replyTo,
  repostedBy,
  shown,
  written,
} from '../../account/views/support/upstream.ts'
import type { Target } from '../engine.ts'
import { type Json, jsonText, mutateJson } from '../json.ts'

const lexicons = new Lexicons(schemas)
const MERGES = {
  'app.bsky.actor.getProfile': getProfile,
  'app.bsky.actor.getProfiles': getProfiles,
  'app.bsky.feed.getActorLikes': getActorLikes,
  'app.bsky.feed.getAuthorFeed': getAuthorFeed,
  'app.bsky.feed.getPostThread': getPostThread,
  'app.bsky.feed.getTimeline': getTimeline,
}
const QUERIES = ['app.bsky.feed.getPosts', 'app.bsky.feed.getFeedGenerators', 'app.bsky.graph.getList']

const ROOT = postUri(OTHER, 1)
const blob = { $type: 'blob', ref: { $link: CID }, mimeType: 'image/png', size: 3 }
const setup = context(
  [
    written('one', 15, replyTo(ROOT)),
    written('two', 25, replyTo(postUri(DID, 'one'), ROOT)),
    written('three', 35, { embed: { $type: 'app.bsky.embed.images', images: [{ image: blob, alt: '' }] } }),
  ],
  { displayName: 'Alice', avatar: blob },
)
const profile = (did: string, handle: string) => ({ did, handle, displayName: 'A name', postsCount: 3 })
const thread = (did: string, rkey: number, record: JsonObject) => ({
  $type: 'app.bsky.feed.defs#threadViewPost',
  post: shown(did, rkey, rkey, record),
})

/** The answer to every method at once: each reads its own fields. */
const answer = JSON.parse(
  JSON.stringify({
    ...profile(DID, HANDLE),
    cursor: 'next',
    profiles: [profile(DID, HANDLE), profile(OTHER, 'bob.test')],
    posts: [shown(OTHER, 9, 9)],
    feeds: [{ uri: `at://${OTHER}/app.bsky.feed.generator/1`, displayName: 'A feed' }],
    list: { uri: `at://${OTHER}/app.bsky.graph.list/1`, name: 'A list' },
    feed: [
      { post: shown(DID, 3, 30) },
      { post: shown(OTHER, 2, -900), reason: repostedBy(OTHER, 20) },
      { post: shown(OTHER, 1, 10) },
    ],
    thread: {
      ...thread(OTHER, 1, {}),
      replies: [
        { ...thread(OTHER, 2, replyTo(ROOT)), replies: [thread(DID, 3, replyTo(postUri(OTHER, 2), ROOT))] },
      ],
    },
  }),
) as Json

const isValid = (id: string, output: unknown): boolean => {
  try {
    return lexicons.assertValidXrpcOutput(id, jsonToLex(output)) !== undefined
  } catch {
    return false
  }
}

type Merged = { id: string; merged: string | undefined }[]

/** What a lying service answers to the reads that are completed: each merge takes it, or says that it cannot. */
export const views: Target<Json, { body: unknown; merged: Merged }> = {
  name: 'views',
  typed: [],
  generate: (random) => mutateJson(answer, random),
  mutate: (input, random) => mutateJson(input, random),
  run: (input) => {
    const body = readBody({ bytes: new TextEncoder().encode(jsonText(input)), encoding: null })
    if (!isObject(body)) return { body, merged: [] }
    const attempt = (work: () => JsonObject | undefined): string | undefined => {
      try {
        const merged = work()
        return merged && JSON.stringify(merged)
      } catch (cause) {
        // As src/account/views/views.ts takes them.
        if (cause instanceof UpstreamShapeError || cause instanceof RangeError) return undefined
        throw cause
      }
    }
    const own = params(`actor=${DID}`)
    const merged = Object.entries(MERGES).map(([id, merge]) => ({
      id,
      merged: attempt(() => merge(setup, body, own)),
    }))
    for (const id of QUERIES) quotedViews(id, body)
    const asked = params(`uri=${postUri(DID, 'two')}`)
    const unknown = findUnknown(setup, asked)
    if (!unknown) throw new Error('the post was not found')
    const id = 'app.bsky.feed.getPostThread'
    merged.push({ id, merged: attempt(() => unknownThread(setup, unknown, asked, body)) })
    return { body, merged }
  },
  check: (_, { body, merged }) => {
    for (const { id, merged: text } of merged) {
      if (text === undefined || !isValid(id, body)) continue
      if (!isValid(id, JSON.parse(text))) throw new Error(`a right answer to ${id} became a wrong one`)
    }
  },
  show: (input) => jsonText(input),
  parse: (shown) => JSON.parse(shown) as Json,
}
