import { insertPosts } from './insertPosts.ts'
import { asArray } from './upstreamShape.ts'
import type { Merge } from './view.ts'

/** The home timeline, which has one's own posts too. */
export const getTimeline: Merge = (context, answer, params) => {
  const feed = asArray(answer.feed, 'feed')
  return { ...answer, feed: insertPosts(context, feed, context.local.posts, params) }
}
