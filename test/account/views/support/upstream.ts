import * as fc from 'fast-check'
import { jsonToLex, Lexicons } from '@atproto/lexicon'
import { schemas } from '@atproto/api'
import type { JsonObject } from '../../../../src/isObject.ts'
import type { LocalRecord, ViewContext } from '../../../../src/account/views/view.ts'

export const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
export const OTHER = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
export const HANDLE = 'alice.test'
export const CID = 'bafkreie4pgr2zw4gqlftvi6svw2mqzpyv4g2eqcjdzkyfv5dntvh3mgrya'
/** A time that every test counts from. */
export const T0 = Date.parse('2026-01-01T00:00:00.000Z')
export const at = (seconds: number): string => new Date(T0 + seconds * 1000).toISOString()

const lexicons = new Lexicons(schemas)

/** Throws where an answer is not what the lexicon of its method says. Goes through JSON, as an answer does. */
export const assertAnswer = (id: string, answer: unknown): void =>
  void lexicons.assertValidXrpcOutput(id, jsonToLex(JSON.parse(JSON.stringify(answer))))

export const postUri = (did: string, rkey: number | string): string =>
  `at://${did}/app.bsky.feed.post/${rkey}`

/** A post that was written here, at so many seconds. */
export const written = (rkey: string, seconds: number, fields: JsonObject = {}): LocalRecord => ({
  uri: postUri(DID, rkey),
  cid: CID,
  writtenAt: T0 + seconds * 1000,
  value: { $type: 'app.bsky.feed.post', text: rkey, createdAt: at(seconds), ...fields },
})

/** The fields of a post that answers another. */
export const replyTo = (parent: string, root = parent): JsonObject => ({
  reply: { root: { uri: root, cid: CID }, parent: { uri: parent, cid: CID } },
})

/** What was written here: posts in any order, and a profile. */
export const context = (
  posts: readonly LocalRecord[] = [],
  profile?: JsonObject,
  fields: Partial<ViewContext> = {},
): ViewContext => ({
  did: DID,
  handle: HANDLE,
  local: {
    posts: posts.toSorted((a, b) => b.writtenAt - a.writtenAt),
    profile: profile && {
      uri: `at://${DID}/app.bsky.actor.profile/self`,
      cid: CID,
      writtenAt: T0,
      value: profile,
    },
  },
  profile,
  imageUrl: (preset, cid) => `https://cdn.test/${preset}/${cid}`,
  quoted: () => undefined,
  ...fields,
})

/** A post as a service shows it. */
export const shown = (did: string, rkey: number | string, seconds: number, record: JsonObject = {}) => ({
  uri: postUri(did, rkey),
  cid: CID,
  author: { did, handle: did === DID ? HANDLE : 'bob.test', displayName: 'as indexed' },
  record: { $type: 'app.bsky.feed.post', text: String(rkey), createdAt: at(seconds), ...record },
  likeCount: 1,
  indexedAt: at(seconds),
})

export const repostedBy = (did: string, seconds: number) => ({
  $type: 'app.bsky.feed.defs#reasonRepost',
  by: { did, handle: 'carol.test' },
  indexedAt: at(seconds),
})

export const PINNED = { $type: 'app.bsky.feed.defs#reasonPin' }

export const params = (search = ''): URLSearchParams => new URLSearchParams(search)

/** Any JSON, with the keys that merges read, and those that are dangerous to objects, more often than chance has it. */
export const lies: fc.Arbitrary<unknown> = fc.letrec((tie) => {
  const key = fc.oneof(
    fc.constantFrom('feed', 'thread', 'profiles', 'post', 'author', 'did', 'uri', 'indexedAt', 'reason'),
    fc.constantFrom('replies', 'record', 'reply', 'root', 'parent', '$type', '__proto__', 'constructor'),
    fc.string({ maxLength: 5 }),
  )
  const leaf = fc.oneof(
    fc.constantFrom(DID, OTHER, at(0), postUri(DID, 1), 'app.bsky.feed.defs#threadViewPost', ''),
    fc.constantFrom('app.bsky.feed.defs#reasonRepost', null, true, -1, 1e300),
  )
  return {
    value: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc
        .array(fc.tuple(key, tie('value')), { maxLength: 6 })
        // As JSON.parse makes it: `__proto__` is a key like any other.
        .map((entries) => JSON.parse(JSON.stringify(Object.fromEntries(entries))) as unknown),
    ),
  }
}).value
