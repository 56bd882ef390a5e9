import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { getActorLikes } from '../../../src/account/views/getActorLikes.ts'
import { getAuthorFeed } from '../../../src/account/views/getAuthorFeed.ts'
import { getPostThread } from '../../../src/account/views/getPostThread.ts'
import { getProfile } from '../../../src/account/views/getProfile.ts'
import { getProfiles } from '../../../src/account/views/getProfiles.ts'
import { getTimeline } from '../../../src/account/views/getTimeline.ts'
import { UpstreamShapeError } from '../../../src/account/views/upstreamShape.ts'
import type { JsonObject } from '../../../src/isObject.ts'
import {
  assertAnswer,
  CID,
  context,
  DID,
  lies,
  OTHER,
  params,
  postUri,
  repostedBy,
  replyTo,
  shown,
  written,
} from './support/upstream.ts'

const blob = { $type: 'blob', ref: { $link: CID }, mimeType: 'image/png', size: 3 }
const NEW_PROFILE = {
  displayName: 'New name',
  description: 'New text',
  pronouns: 'she/her',
  website: 'https://alice.test',
  avatar: blob,
  banner: blob,
  pinnedPost: { uri: postUri(DID, 'pin'), cid: CID },
}

const json = (value: unknown): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject
const own = {
  did: DID,
  handle: 'alice.test',
  displayName: 'Old name',
  description: 'Old text',
  postsCount: 7,
}
const other = { did: OTHER, handle: 'bob.test', displayName: 'Bob' }

describe('getProfile', () => {
  it('has what the profile has now, and the rest as the service knows it', () => {
    const merged = json(getProfile(context([], NEW_PROFILE), own, params()))
    assertAnswer('app.bsky.actor.getProfile', merged)
    expect(merged).toEqual({
      ...own,
      ...NEW_PROFILE,
      avatar: `https://cdn.test/avatar/${CID}`,
      banner: `https://cdn.test/banner/${CID}`,
    })
  })

  it('no longer has what the profile no longer has', () => {
    const shownBefore = { ...own, avatar: 'https://cdn.test/old', banner: 'https://cdn.test/old' }
    expect(json(getProfile(context([], {}), shownBefore, params()))).toEqual({
      did: DID,
      handle: 'alice.test',
      postsCount: 7,
    })
  })

  it('leaves the profiles of others, and what was not changed, alone', () => {
    expect(getProfile(context([], NEW_PROFILE), other, params())).toBeUndefined()
    expect(getProfile(context([written('a', 1)]), own, params())).toBeUndefined()
  })
})

describe('getProfiles', () => {
  it('changes this account among the others only', () => {
    const merged = json(getProfiles(context([], NEW_PROFILE), { profiles: [other, own] }, params()))
    assertAnswer('app.bsky.actor.getProfiles', merged)
    expect(merged.profiles).toMatchObject([other, { displayName: 'New name', postsCount: 7 }])
  })
})

describe('getTimeline', () => {
  it('has the posts, and keeps the cursor', () => {
    const answer = { cursor: 'next', feed: [{ post: shown(OTHER, 'b', 0) }] }
    const merged = json(getTimeline(context([written('new', 1)]), answer, params()))
    assertAnswer('app.bsky.feed.getTimeline', merged)
    expect(merged).toMatchObject({ cursor: 'next', feed: [{ post: { uri: postUri(DID, 'new') } }, {}] })
  })
})

describe('getActorLikes', () => {
  it('shows this account as the author with its new name', () => {
    const answer = { feed: [{ post: shown(DID, 'a', 1) }, { post: shown(OTHER, 'b', 0) }] }
    const merged = json(getActorLikes(context([written('new', 1)], NEW_PROFILE), answer, params()))
    assertAnswer('app.bsky.feed.getActorLikes', merged)
    expect(merged.feed).toMatchObject([
      { post: { author: { displayName: 'New name', avatar: `https://cdn.test/avatar/${CID}` } } },
      { post: { author: { displayName: 'as indexed' } } },
    ])
    expect(getActorLikes(context([written('new', 1)]), answer, params())).toBeUndefined()
  })
})

describe('getAuthorFeed', () => {
  const posts = [
    written('plain', 1),
    written('reply', 2, replyTo(postUri(OTHER, 'x'))),
    written('ownThread', 3, replyTo(postUri(DID, 'plain'))),
    written('pictures', 4, { embed: { $type: 'app.bsky.embed.images', images: [{ image: blob, alt: '' }] } }),
    written('video', 5, { embed: { $type: 'app.bsky.embed.video', video: blob } }),
    written('quoteWithPictures', 6, {
      embed: {
        $type: 'app.bsky.embed.recordWithMedia',
        record: { record: { uri: postUri(OTHER, 'q'), cid: CID } },
        media: { $type: 'app.bsky.embed.images', images: [{ image: blob, alt: '' }] },
      },
    }),
  ]
  const feedOf = (search: string): string[] | undefined => {
    const merged = getAuthorFeed(context(posts), { feed: [] }, params(search))
    if (merged) assertAnswer('app.bsky.feed.getAuthorFeed', merged)
    return (merged?.feed as { post: { uri: string } }[] | undefined)?.map(({ post }) =>
      post.uri.slice(post.uri.lastIndexOf('/') + 1),
    )
  }

  it.each([
    ['', ['quoteWithPictures', 'video', 'pictures', 'ownThread', 'reply', 'plain']],
    ['posts_with_replies', ['quoteWithPictures', 'video', 'pictures', 'ownThread', 'reply', 'plain']],
    ['posts_no_replies', ['quoteWithPictures', 'video', 'pictures', 'plain']],
    ['posts_and_author_threads', ['quoteWithPictures', 'video', 'pictures', 'ownThread', 'plain']],
    ['posts_with_media', ['quoteWithPictures', 'pictures']],
    ['posts_with_video', ['video']],
    ['something_new', []],
  ])('with the filter "%s" has the posts that belong there', (filter, expected) => {
    expect(feedOf(`actor=${DID}${filter && `&filter=${filter}`}`)).toEqual(expected)
  })

  it('is this account’s by its DID or its handle, and not that of others', () => {
    expect(feedOf('actor=Alice.test')).toHaveLength(6)
    expect(feedOf(`actor=${OTHER}`)).toBeUndefined()
    expect(feedOf('')).toBeUndefined()
  })

  it('has the new name on own posts, also on those that were reposted', () => {
    const feed = [{ post: shown(DID, 'a', 1), reason: repostedBy(DID, 2) }, { post: shown(OTHER, 'b', 0) }]
    const merged = json(getAuthorFeed(context([], NEW_PROFILE), { feed }, params(`actor=${DID}`)))
    expect(merged.feed).toMatchObject([
      { post: { author: { displayName: 'New name' } }, reason: {} },
      { post: { author: { displayName: 'as indexed' } } },
    ])
  })
})

describe('an answer that lies', () => {
  const merges = { getActorLikes, getAuthorFeed, getPostThread, getProfile, getProfiles, getTimeline }
  const setup = context([written('a', 1), written('b', 2, replyTo(postUri(DID, 1)))], NEW_PROFILE)

  it.each(Object.entries(merges))('%s takes it or says that it cannot, and never changes it', (_, merge) => {
    const key = fc.constantFrom('feed', 'thread', 'profiles', 'did')
    const answer = fc.dictionary(key, lies, { noNullPrototype: true })
    fc.assert(
      fc.property(answer, (answer) => {
        const before = JSON.stringify(answer)
        try {
          const merged = merge(setup, answer, params(`actor=${DID}`))
          expect(merged === undefined || typeof merged === 'object').toBe(true)
        } catch (cause) {
          expect(cause).toBeInstanceOf(UpstreamShapeError)
        }
        expect(JSON.stringify(answer)).toBe(before)
      }),
      { numRuns: 300 },
    )
    expect(({} as JsonObject).polluted).toBeUndefined()
  })
})
