import { updateBasic } from './profileView.ts'
import { asObject, asPost } from './upstreamShape.ts'
import type { ViewContext } from './view.ts'

/** A feed in which this account's own posts have its name and picture as they were just written. */
export const updateAuthors = (context: ViewContext, feed: readonly unknown[]): readonly unknown[] => {
  const record = context.local.profile?.value
  if (!record) return feed
  return feed.map((value, index) => {
    const item = asObject(value, `feed[${index}]`)
    const { post, author, authorDid } = asPost(item.post, `feed[${index}].post`)
    if (authorDid !== context.did) return item
    return { ...item, post: { ...post, author: updateBasic(context, author, record) } }
  })
}
