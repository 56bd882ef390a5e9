import { isObject, type JsonObject } from '../../isObject.ts'
import { textOf } from './profileView.ts'
import { postView } from './postView.ts'
import { asArray, asObject, asPost } from './upstreamShape.ts'
import type { LocalRecord, Merge, Params, ViewContext } from './view.ts'

const THREAD = 'app.bsky.feed.defs#threadViewPost'
const NOT_SHOWN: readonly unknown[] = ['app.bsky.feed.defs#notFoundPost', 'app.bsky.feed.defs#blockedPost']

/** As the lexicon says. */
const DEFAULT_DEPTH = 6
const DEFAULT_PARENT_HEIGHT = 80
const MAX_LEVELS = 1000

/** What a post answers: the beginning of its thread, and the post right above it. */
export const replyOf = (record: unknown): { root: string; parent: string } | undefined => {
  const reply = isObject(record) ? record.reply : undefined
  if (!isObject(reply) || !isObject(reply.root) || !isObject(reply.parent)) return undefined
  const [root, parent] = [textOf(reply.root.uri), textOf(reply.parent.uri)]
  return root === undefined || parent === undefined ? undefined : { root, parent }
}

const numberOf = (params: Params, name: string, otherwise: number): number => {
  const number = Number(params.get(name) ?? otherwise)
  return Number.isSafeInteger(number) && number >= 0 ? Math.min(number, MAX_LEVELS) : otherwise
}

const depthOf = (params: Params): number => numberOf(params, 'depth', DEFAULT_DEPTH)

const threadPost = (context: ViewContext, post: LocalRecord): JsonObject => ({
  $type: THREAD,
  post: postView(context, post),
})

/** The posts of a thread but the one that it is about, by the post that they answer, oldest first. */
const byParent = (
  posts: readonly LocalRecord[],
  root: string,
  anchor: string,
): Map<string, LocalRecord[]> => {
  const found = new Map<string, LocalRecord[]>()
  for (const post of posts.toReversed()) {
    const reply = replyOf(post.value)
    if (reply?.root !== root || post.uri === anchor) continue
    found.set(reply.parent, [...(found.get(reply.parent) ?? []), post])
  }
  return found
}

/**
 * A node of a thread and what is below it, with the replies that are missing, newest first. Each is put in once: what
 * answers itself ends here.
 */
const withReplies = (
  context: ViewContext,
  node: JsonObject,
  missing: Map<string, LocalRecord[]>,
  depth: number,
): JsonObject => {
  if (depth === 0 || missing.size === 0) return node
  const { uri } = asPost(node.post, 'thread.post')
  const here = missing.get(uri) ?? []
  missing.delete(uri)
  const replies = node.replies === undefined ? [] : asArray(node.replies, 'thread.replies')
  const below = (reply: JsonObject): JsonObject => withReplies(context, reply, missing, depth - 1)
  const kept = replies.map((value) => {
    const reply = asObject(value, 'thread.replies[]')
    return reply.$type === THREAD ? below(reply) : reply
  })
  const known = new Set(
    kept.map((reply) => (isObject(reply.post) ? reply.post.uri : reply.uri)).filter(Boolean),
  )
  const added = here.filter((post) => !known.has(post.uri)).map((post) => below(threadPost(context, post)))
  return added.length === 0 && node.replies === undefined
    ? node
    : { ...node, replies: [...added.toReversed(), ...kept] }
}

/** The thread below a post, with the replies that were just written. */
export const getPostThread: Merge = (context, answer, params) => {
  const thread = asObject(answer.thread, 'thread')
  if (thread.$type !== THREAD) return undefined
  const { post, uri } = asPost(thread.post, 'thread.post')
  const root = replyOf(post.record)?.root ?? uri
  const missing = byParent(context.local.posts, root, uri)
  if (missing.size === 0) return undefined
  return { ...answer, thread: withReplies(context, thread, missing, depthOf(params)) }
}

/** The address of a post as clients write it, with the DID in place of this account's handle. */
const ownUri = ({ did, handle }: ViewContext, uri: string | null): string | undefined => {
  const [, authority, path] = /^at:\/\/([^/]+)\/(.+)$/.exec(uri ?? '') ?? []
  return authority === did || authority?.toLowerCase() === handle ? `at://${did}/${path}` : undefined
}

/** The post that a request asks for, if it is one that was just written, and those above it that were too. */
export interface UnknownThread {
  readonly anchor: LocalRecord
  /** From the anchor's parent upwards. */
  readonly parents: readonly LocalRecord[]
  /** The post above these, which the other service may know, and how many of the posts above it are asked for. */
  readonly above: { readonly uri: string; readonly height: number } | undefined
}

/** What stands behind a `NotFound` of the other service. Undefined: it is right. */
export const findUnknown = (context: ViewContext, params: Params): UnknownThread | undefined => {
  const own = new Map(context.local.posts.map((post) => [post.uri, post]))
  const anchor = own.get(ownUri(context, params.get('uri')) ?? '')
  if (!anchor) return undefined
  const parents: LocalRecord[] = []
  let above = replyOf(anchor.value)?.parent
  const height = numberOf(params, 'parentHeight', DEFAULT_PARENT_HEIGHT)
  // A post that was taken is taken out: posts may name each other as parents.
  own.delete(anchor.uri)
  for (let parent = own.get(above ?? ''); parent && parents.length < height; parent = own.get(above ?? '')) {
    own.delete(parent.uri)
    parents.push(parent)
    above = replyOf(parent.value)?.parent
  }
  const left = height - parents.length
  return {
    anchor,
    parents,
    above: above !== undefined && left > 0 ? { uri: above, height: left } : undefined,
  }
}

/** A node of a thread as it may stand above another. */
const knownParent = (thread: unknown): JsonObject | undefined => {
  if (!isObject(thread)) return undefined
  if (thread.$type === THREAD) asPost(thread.post, 'thread.post')
  return thread.$type === THREAD || NOT_SHOWN.includes(thread.$type) ? thread : undefined
}

/**
 * The thread of a post that the other service does not know yet. `answer` is what it says about the first post above
 * that it may know.
 */
export const unknownThread = (
  context: ViewContext,
  { anchor, parents }: UnknownThread,
  params: Params,
  answer: JsonObject | undefined,
): JsonObject => {
  const root = replyOf(anchor.value)?.root ?? anchor.uri
  const missing = byParent(context.local.posts, root, anchor.uri)
  const thread = withReplies(context, threadPost(context, anchor), missing, depthOf(params))
  const known = answer && knownParent(answer.thread)
  const parent = parents.reduceRight<JsonObject | undefined>(
    (above, post) => ({ ...threadPost(context, post), ...(above && { parent: above }) }),
    known,
  )
  return { thread: { ...thread, ...(parent && { parent }) } }
}
