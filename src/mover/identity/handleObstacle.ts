import { createHandleLookup } from '../../identity/handleResolver.ts'
import { IdentityError } from '../../identity/errors.ts'
import { createSend } from '../send.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Source } from '../source.ts'
import type { Target } from '../target.ts'
import type { Who } from '../who.ts'

/** Between which servers the handle is to move. */
export interface HandleContext {
  readonly target: Pick<Target, 'origin' | 'description'>
  readonly who: Pick<Who, 'did'>
  readonly source: Pick<Source, 'name'> & Partial<Pick<Source, 'kind'>>
  /** The domains below which the source gives its accounts handles, each beginning with a dot; none if it does not say. */
  sourceDomains(): Promise<readonly string[]>
  readonly deps: MoverDeps
}

/** Whether a handle belongs to one of these domains, which begin with a dot. */
const isBelow = (handle: string, domains: readonly string[]): boolean =>
  domains.some((domain) => handle.endsWith(domain))

/** Why a handle cannot be the account's at the target; undefined if it can. */
export const handleObstacle = async (move: HandleContext, handle: string): Promise<string | undefined> => {
  const { target, who, deps } = move
  const { availableUserDomains: domains } = target.description
  // The target gives it itself.
  if (isBelow(handle, domains) || handle === new URL(target.origin).hostname) return undefined
  if (isBelow(handle, await move.sourceDomains()))
    return `${handle} belongs to ${move.source.name}, so it cannot stay`
  // Names such as alice.test lead nowhere: only the servers know them.
  if (deps.dev && handle.endsWith('.test')) return undefined
  const send = createSend(deps)
  try {
    const found = await createHandleLookup({ send })(handle)
    return found === who.did ? undefined : `${handle} names ${found}, not ${who.did}`
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause
    // When nobody answers now, the target decides; unless the server that answered for it is gone.
    const isGone = cause.code === 'NotFound' || move.source.kind === 'archive'
    return isGone ? `${handle} does not name ${who.did}` : undefined
  }
}
