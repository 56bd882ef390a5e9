import { isObject } from '../../isObject.ts'
import { insertPosts } from './insertPosts.ts'
import { isOwnActor } from './isOwnActor.ts'
import { updateAuthors } from './updateAuthors.ts'
import { asArray } from './upstreamShape.ts'
import type { LocalRecord, Merge, ViewContext } from './view.ts'

type Filter = (context: ViewContext, post: LocalRecord) => boolean

const isReply = ({ value }: LocalRecord): boolean => value.reply !== undefined

/** Whether every post that it answers is this account's own. */
const isOwnThread = ({ did }: ViewContext, { value: { reply } }: LocalRecord): boolean =>
  isObject(reply) &&
  [reply.root, reply.parent].every(
    (ref) => isObject(ref) && typeof ref.uri === 'string' && ref.uri.startsWith(`at://${did}/`),
  )

/** The type of the pictures, card or video that a post has, also beside a quote. */
const mediaType = ({ value: { embed } }: LocalRecord): unknown => {
  if (!isObject(embed)) return undefined
  if (embed.$type !== 'app.bsky.embed.recordWithMedia') return embed.$type
  return isObject(embed.media) ? embed.media.$type : undefined
}

const PICTURES: readonly unknown[] = ['app.bsky.embed.images', 'app.bsky.embed.gallery']

/** Which posts the values of `filter` let through. The service is free to have others: nothing is added to those. */
const FILTERS = new Map<string, Filter>([
  ['posts_with_replies', () => true],
  ['posts_no_replies', (_, post) => !isReply(post)],
  ['posts_and_author_threads', (context, post) => !isReply(post) || isOwnThread(context, post)],
  ['posts_with_media', (_, post) => PICTURES.includes(mediaType(post))],
  ['posts_with_video', (_, post) => mediaType(post) === 'app.bsky.embed.video'],
])

/** The posts of one account: this account's own feed has those that were just written. */
export const getAuthorFeed: Merge = (context, answer, params) => {
  if (!isOwnActor(context, params)) return undefined
  const filter = FILTERS.get(params.get('filter') ?? 'posts_with_replies')
  const posts = filter ? context.local.posts.filter((post) => filter(context, post)) : []
  const feed = updateAuthors(context, asArray(answer.feed, 'feed'))
  return { ...answer, feed: insertPosts(context, feed, posts, params) }
}
