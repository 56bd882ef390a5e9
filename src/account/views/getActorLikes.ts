import { updateAuthors } from './updateAuthors.ts'
import { asArray } from './upstreamShape.ts'
import type { Merge } from './view.ts'

/** What an account liked: its own posts among it have its name and picture as they were just written. */
export const getActorLikes: Merge = (context, answer) => {
  if (!context.local.profile) return undefined
  return { ...answer, feed: updateAuthors(context, asArray(answer.feed, 'feed')) }
}
