import type { JsonObject } from '../../isObject.ts'
import { embedView } from './embedView.ts'
import { ownAuthor } from './profileView.ts'
import type { LocalRecord, ViewContext } from './view.ts'

/** A post that was just written: nobody has liked it, answered it or passed it on. */
export const postView = (context: ViewContext, { uri, cid, value, writtenAt }: LocalRecord): JsonObject => ({
  uri,
  cid,
  author: ownAuthor(context),
  record: value,
  embed: embedView(context, value.embed),
  likeCount: 0,
  replyCount: 0,
  repostCount: 0,
  quoteCount: 0,
  indexedAt: new Date(writtenAt).toISOString(),
})
