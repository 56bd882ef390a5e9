import type { Check } from '../check.ts'
import type { MoverDeps } from '../moverDeps.ts'
import { askSource } from './askSource.ts'
import { checkClock } from './checkClock.ts'
import { checkIdentity } from './checkIdentity.ts'
import { checkTarget } from './checkTarget.ts'
import { estimate } from './estimate.ts'
import type { Contents, PreflightOptions } from './preflightTypes.ts'
import { readSource } from './readSource.ts'

export type { Contents, PreflightOptions, PreflightSource } from './preflightTypes.ts'

/** What was found before a move. */
export interface Preflight {
  readonly checks: readonly Check[]
  readonly contents: Contents
}

const checkSource = async (deps: MoverDeps, options: PreflightOptions) => {
  const { source, who, ownerKeys, allBlobs, onProgress } = options
  const own = source.answersOwner ? await askSource(source.client, deps, { allBlobs, onProgress }) : undefined
  if (own) return own
  const read = await readSource(deps, options)
  return {
    contents: read.contents,
    checks: [...checkIdentity(who, source, { ownerKeys, now: deps.now() }), ...read.checks],
  }
}

/**
 * Looks at everything that can be known before a move, and changes nothing: the identity and its keys, what the directory
 * still takes, whether repository and blobs are whole, and whether the target can have them.
 */
export async function preflight(deps: MoverDeps, options: PreflightOptions): Promise<Preflight> {
  const { source, target } = options
  const { checks, contents } = await checkSource(deps, options)
  return {
    contents,
    checks: [
      ...checks,
      ...(target ? await checkTarget(deps, options, { target, contents }) : []),
      ...(await checkClock(deps, [source.origin, ...(target ? [target.origin] : [])])),
      ...estimate(contents),
    ],
  }
}
