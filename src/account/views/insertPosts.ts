import { isObject } from '../../isObject.ts'
import { postView } from './postView.ts'
import { asObject, asPost, asTime } from './upstreamShape.ts'
import type { LocalRecord, Params, ViewContext } from './view.ts'

/** A pinned post stands at the top of a feed, however old it is: it says nothing about the order. */
const isPinned = (reason: unknown): boolean =>
  isObject(reason) && reason.$type === 'app.bsky.feed.defs#reasonPin'

/** When an item entered the feed: a repost is as old as the repost, not as the post. */
const enteredAt = (item: unknown, where: string): { uri: string; at: number; pinned: boolean } => {
  const { post, reason } = asObject(item, where)
  const { uri, indexedAt } = asPost(post, `${where}.post`)
  const reposted = isObject(reason) && reason.$type === 'app.bsky.feed.defs#reasonRepost'
  return {
    uri,
    at: reposted ? asTime(reason.indexedAt, `${where}.reason.indexedAt`) : indexedAt,
    pinned: isPinned(reason),
  }
}

/**
 * The page of a feed with these posts in their places, newest first. A post that belongs to a page before this one (the
 * request has a cursor, and the post is newer than everything here) or after it (it is older) is left out, and so is one
 * that the feed has already.
 */
export const insertPosts = (
  context: ViewContext,
  feed: readonly unknown[],
  posts: readonly LocalRecord[],
  params: Params,
): unknown[] => {
  const entries = feed.map((item, index) => ({ item, ...enteredAt(item, `feed[${index}]`) }))
  const times = entries.filter(({ pinned }) => !pinned).map(({ at }) => at)
  const oldest = times.at(-1) ?? -Infinity
  const newest = params.has('cursor') ? (times[0] ?? -Infinity) : Infinity
  const known = new Set(entries.map(({ uri }) => uri))
  const missing = posts.filter(
    ({ uri, writtenAt }) => !known.has(uri) && writtenAt > oldest && writtenAt < newest,
  )
  const result: unknown[] = []
  let next = 0
  const insertNewerThan = (time: number): void => {
    for (let post = missing[next]; post && post.writtenAt > time; post = missing[++next])
      result.push({ post: postView(context, post) })
  }
  for (const { item, at, pinned } of entries) {
    if (!pinned) insertNewerThan(at)
    result.push(item)
  }
  insertNewerThan(-Infinity)
  return result
}
