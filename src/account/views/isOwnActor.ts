import type { Params, ViewContext } from './view.ts'

/** Whether the request's `actor` is this account, by its DID or its handle. */
export const isOwnActor = ({ did, handle }: ViewContext, params: Params): boolean => {
  const actor = params.get('actor')
  return actor === did || actor?.toLowerCase() === handle
}
