import { isObject } from '../isObject.ts'
import type { Platform } from '../platform.ts'
import { type ReadBody, readUpTo } from '../streams/readUpTo.ts'
import {
  MAX_VIEW_BYTES,
  type ViewPlan,
  type ViewQuery,
  type ViewQueryAnswer,
  type ViewRequest,
  type ViewsRpc,
} from '../viewPlan.ts'
import { within } from '../xrpc/deadline.ts'
import { error } from '../xrpc/errors.ts'
import { COLLECT_MS } from './collectTime.ts'
import type { Hold } from './heldBytes.ts'

/** What read after write works with. */
export interface ReadAfterWrite {
  /** The method's name. */
  method: string
  request: Request
  /** The service's answer, an error too. */
  answer: Response
  /** The revision of the repository, when the request was let through. */
  head?: string | undefined
  platform: Pick<Platform, 'timer'>
  /** The account's object. */
  views: ViewsRpc
  /** Begins to count what is held for this request. */
  beginHold(): Hold
  /** Asks the same service something else for the same caller. `search` begins with `?`. */
  askService(method: string, search: string): Promise<Response>
}

const THREAD = 'app.bsky.feed.getPostThread'

/** The reads in whose answers the account's newest records are put in. */
export const READ_AFTER_WRITE: ReadonlySet<string> = new Set([
  'app.bsky.actor.getProfile',
  'app.bsky.actor.getProfiles',
  'app.bsky.feed.getActorLikes',
  'app.bsky.feed.getAuthorFeed',
  THREAD,
  'app.bsky.feed.getTimeline',
])

/** What is put in is worth a short wait; without it, the service's answer is still an answer. */
const OBJECT_MS = 5000
const QUERY_MS = 3000
const MAX_QUERY_BYTES = 1024 * 1024

const isJson = ({ headers }: Response): boolean =>
  /^application\/(?:[\w.-]+\+)?json\b/i.test(headers.get('content-type') ?? '')

/** Whether the post was not found. Errors are answered by us, small and not coded: see forward.ts. */
const isNotFound = async (answer: Response): Promise<boolean> => {
  try {
    const body: unknown = await answer.clone().json()
    return isObject(body) && body.error === 'NotFound'
  } catch {
    return false
  }
}

/** Holds a body that is short, comes soon and fits. */
const hold = async (
  timer: Platform['timer'],
  ms: number,
  body: ReadableStream<Uint8Array>,
  max: number,
  { take }: Pick<Hold, 'take'>,
): Promise<ReadBody> => {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const stop = timer(ms, resolve)
  try {
    return await readUpTo(body, { max, late, mayHold: take })
  } finally {
    stop()
  }
}

type Body = ReadableStream<Uint8Array> | Uint8Array | null

/** Without these headers of the service's answer, and with its lag. */
const headersOf = ({ headers }: Response, dropped: readonly string[], lagMs: number): Headers => {
  const kept = new Headers(headers)
  for (const name of dropped) kept.delete(name)
  kept.set('atproto-upstream-lag', String(lagMs))
  return kept
}

/** The service's answer as it came. */
const untouched = (answer: Response, body: Body, lagMs: number): Response =>
  new Response(body, {
    status: answer.status,
    // The platform knows the length, if it is known.
    headers: headersOf(answer, ['content-length'], lagMs),
    encodeBody: 'manual',
  })

const merged = (answer: Response, body: Uint8Array, lagMs: number): Response =>
  new Response(body, { headers: headersOf(answer, ['content-length', 'content-encoding'], lagMs) })

/** Undefined where the work fails or takes too long. Who fails also logs why. */
const orUndefined = async <T>(
  timer: Platform['timer'],
  ms: number,
  work: () => Promise<T>,
): Promise<T | undefined> => {
  try {
    return await within(timer, ms, work(), () => new Error('too late'))
  } catch {
    return undefined
  }
}

/** What the service answers to the queries of a plan; those that fail are left out. */
const askAll = async (
  { platform, askService }: ReadAfterWrite,
  queries: readonly ViewQuery[],
  held: Hold,
): Promise<ViewQueryAnswer[]> => {
  const ask = async ({ id, search }: ViewQuery): Promise<ViewQueryAnswer[]> => {
    const answer = await askService(id, `?${search}`)
    const read =
      answer.ok && answer.body
        ? await hold(platform.timer, QUERY_MS, answer.body, MAX_QUERY_BYTES, held)
        : undefined
    if (read && 'bytes' in read)
      return [{ id, bytes: read.bytes, encoding: answer.headers.get('content-encoding') }]
    await (read?.stream ?? answer.body)?.cancel()
    return []
  }
  const answers = await Promise.all(
    queries.map((query) => orUndefined(platform.timer, QUERY_MS, () => ask(query))),
  )
  return answers.flatMap((answer) => answer ?? [])
}

/** The request as the object is asked about it; undefined for an answer to which nothing is ever added. */
const viewRequestOf = async ({
  method,
  request,
  answer,
  head,
}: ReadAfterWrite): Promise<ViewRequest | undefined> => {
  const rev = answer.headers.get('atproto-repo-rev')
  const isRead = answer.status === 200 || (answer.status === 400 && method === THREAD)
  if (request.method !== 'GET' || rev === null || !isRead || !isJson(answer)) return undefined
  // Nothing was written since.
  if (head !== undefined && head <= rev) return undefined
  const notFound = answer.status === 400
  if (notFound && !(await isNotFound(answer))) return undefined
  return { id: method, search: new URL(request.url).search.slice(1), rev, notFound }
}

/**
 * The service's answer with what was written here since it was made. The object parses and merges: the Worker only holds
 * the body meanwhile, so that whatever goes wrong, the service's answer is passed on as it came.
 */
export const readAfterWrite = async (call: ReadAfterWrite): Promise<Response> => {
  const { answer, views, platform, beginHold } = call
  const request = await viewRequestOf(call)
  if (!request) return answer
  const plan: ViewPlan | undefined = await orUndefined(platform.timer, OBJECT_MS, () =>
    views.planView(request),
  )
  if (!plan || plan.lagMs === undefined) return answer
  const { lagMs } = plan
  if (!plan.merge || !answer.body) return untouched(answer, answer.body, lagMs)
  const held = beginHold()
  try {
    const asked = askAll(call, plan.queries, held)
    const read = await hold(platform.timer, COLLECT_MS, answer.body, MAX_VIEW_BYTES, held).catch(() => {
      throw error('UpstreamFailure', 'The answer of the service broke off')
    })
    if ('stream' in read) return untouched(answer, read.stream, lagMs)
    const { bytes } = read
    const encoding = answer.headers.get('content-encoding')
    const answers = await asked
    const body = await orUndefined(platform.timer, OBJECT_MS, () =>
      views.mergeView(request, { bytes, encoding }, answers),
    )
    return body ? merged(answer, body, lagMs) : untouched(answer, bytes, lagMs)
  } finally {
    held.end()
  }
}
