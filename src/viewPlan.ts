/**
 * What the Worker and the account's object say to each other for read after write: see account/views/views.ts, which
 * answers, and proxy/readAfterWrite.ts, which asks.
 */

/** A read whose answer may lack what was just written here. */
export interface ViewRequest {
  /** The method. */
  id: string
  /** The query string of the request, without the `?`. */
  search: string
  /** The revision that the answer is about, from its `atproto-repo-rev`. */
  rev: string
  /** Whether the answer is that the post was not found. */
  notFound: boolean
}

/** A query to the service whose answer is being merged. */
export interface ViewQuery {
  /** The method. */
  id: string
  /** The query string of the URL, without the `?`. */
  search: string
}

/** What the answer of a read needs. */
export interface ViewPlan {
  /** How far the other service is behind, in milliseconds; absent where nothing that it shows was written since. */
  lagMs?: number
  /** Whether the answer is to be merged; otherwise it passes as it is. */
  merge: boolean
  /** What the other service is to be asked for the merge. */
  queries: ViewQuery[]
}

/** A body as the service sent it. */
export interface ViewBody {
  bytes: Uint8Array
  /** Its `content-encoding`. */
  encoding: string | null
}

/** What the service answered to a query of the plan. One that failed is left out. */
export interface ViewQueryAnswer extends ViewBody {
  id: string
}

/** What the object does for read after write. Only the Worker can ask. */
export interface ViewsRpc {
  planView(request: ViewRequest): Promise<ViewPlan>
  /** The merged answer as JSON. Undefined: the answer of the service stays as it is. */
  mergeView(
    request: ViewRequest,
    answer: ViewBody,
    queryAnswers: ViewQueryAnswer[],
  ): Promise<Uint8Array | undefined>
}

/** The largest answer that is merged, in bytes without its coding. */
export const MAX_VIEW_BYTES = 10 * 1024 * 1024
