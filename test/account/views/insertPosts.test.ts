import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { insertPosts } from '../../../src/account/views/insertPosts.ts'
import type { LocalRecord } from '../../../src/account/views/view.ts'
import {
  assertAnswer,
  at,
  context,
  DID,
  OTHER,
  params,
  PINNED,
  repostedBy,
  shown,
  T0,
  written,
} from './support/upstream.ts'

interface Item {
  post: ReturnType<typeof shown>
  reason?: { $type: string; indexedAt?: string }
}

const uris = (feed: readonly unknown[]): string[] => feed.map((item) => (item as Item).post.uri)
const insert = (feed: readonly Item[], posts: LocalRecord[], search = ''): string[] =>
  uris(insertPosts(context(posts), feed, context(posts).local.posts, params(search)))

const names = (feed: string[]): string[] => feed.map((uri) => uri.slice(uri.lastIndexOf('/') + 1))

const item = (rkey: string, seconds: number): Item => ({ post: shown(OTHER, rkey, seconds) })
const repost = (rkey: string, writtenSeconds: number, seconds: number): Item => ({
  post: shown(OTHER, rkey, writtenSeconds),
  reason: repostedBy(OTHER, seconds),
})

describe('insertPosts', () => {
  it('puts each post before the first item that is older', () => {
    const feed = [item('d', 40), item('c', 30), item('b', 20)]
    expect(names(insert(feed, [written('new', 50), written('mid', 25)]))).toEqual([
      'new',
      'd',
      'c',
      'mid',
      'b',
    ])
  })

  it('leaves out what is older than the page, which a later page has', () => {
    expect(names(insert([item('d', 40), item('c', 30)], [written('old', 20)]))).toEqual(['d', 'c'])
  })

  it('leaves out what is newer than a page with a cursor, which an earlier page has', () => {
    const feed = [item('d', 40), item('c', 30)]
    expect(names(insert(feed, [written('new', 50), written('mid', 35)], 'cursor=x'))).toEqual([
      'd',
      'mid',
      'c',
    ])
    expect(insert([], [written('new', 50)], 'cursor=x')).toEqual([])
  })

  it('has the posts alone where the feed is empty', () => {
    expect(names(insert([], [written('a', 10), written('b', 20)]))).toEqual(['b', 'a'])
  })

  it('takes a repost to be as old as the repost', () => {
    const feed = [repost('ancient', -9999, 40), repost('older', -9999, 30)]
    expect(names(insert(feed, [written('new', 35), written('before', 20)]))).toEqual([
      'ancient',
      'new',
      'older',
    ])
  })

  it('leaves a pinned post at the top', () => {
    const feed = [{ post: shown(DID, 'pinned', -9999), reason: PINNED }, item('b', 20)]
    expect(names(insert(feed, [written('new', 50)]))).toEqual(['pinned', 'new', 'b'])
    expect(names(insert(feed.slice(0, 1), [written('new', 50)]))).toEqual(['pinned', 'new'])
  })

  it('does not repeat a post that the feed has already', () => {
    expect(names(insert([{ post: shown(DID, 'new', 50) }, item('b', 20)], [written('new', 50)]))).toEqual([
      'new',
      'b',
    ])
  })

  it('keeps every item in its order, and the whole sorted, for any feed', () => {
    const seconds = fc.integer({ min: -1000, max: 1000 })
    const entry = fc.record({ at: seconds, repost: fc.boolean() })
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 20 }),
        fc.uniqueArray(seconds, { maxLength: 10 }),
        fc.boolean(),
        (entries, writtenAt, cursor) => {
          const feed = entries
            .toSorted((a, b) => b.at - a.at)
            .map(({ at, repost: isRepost }, n) =>
              isRepost ? repost(`r${n}`, at - 5000, at) : item(`i${n}`, at),
            )
          const posts = writtenAt.map((seconds) => written(`w${seconds}`, seconds))
          const { local } = context(posts)
          const result = insertPosts(context(posts), feed, local.posts, params(cursor ? 'cursor=x' : ''))
          assertAnswer('app.bsky.feed.getTimeline', { feed: result })
          const all = uris(result)
          expect(all.filter((uri) => !posts.some((post) => post.uri === uri))).toEqual(uris(feed))
          expect(new Set(all).size).toBe(all.length)
          const times = (result as Item[]).map(({ post, reason }) =>
            Date.parse(reason?.indexedAt ?? post.indexedAt),
          )
          expect(times).toEqual(times.toSorted((a, b) => b - a))
          const oldest = Math.min(...entries.map(({ at }) => at))
          const newest = cursor ? Math.max(...entries.map(({ at }) => at)) : Infinity
          for (const { uri, writtenAt } of posts) {
            const seconds = (writtenAt - T0) / 1000
            const belongs = (entries.length === 0 ? !cursor : seconds > oldest) && seconds < newest
            expect(all.includes(uri)).toBe(belongs)
          }
        },
      ),
    )
  })

  it('reads times as times, not as text', () => {
    const whole = { post: { ...shown(OTHER, 'b', 20), indexedAt: at(20).replace('.000Z', 'Z') } }
    const feed = [whole, item('a', 0)]
    const half = { ...written('half', 20), writtenAt: T0 + 20_500 }
    expect(names(insert(feed, [half]))).toEqual(['half', 'b', 'a'])
  })
})
