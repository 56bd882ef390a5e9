import { type Output, XrpcError } from '../../client/index.ts'
import { retrying } from '../../client/retry.ts'
import { isObject } from '../../isObject.ts'
import type { Source } from '../source.ts'
import type { Target } from '../target.ts'
import { type CopyDeps, declines, retryOptions } from './copyDeps.ts'

type Preferences = Output<'app.bsky.actor.getPreferences'>['preferences']

/** What became of the preferences. None of it stops a move: they are reported, and the owner can set them again. */
export type CopiedPreferences =
  | {
      readonly outcome: 'copied'
      readonly count: number
      /** Those that the target refused, or that are not preferences, as sentences. */
      readonly left: readonly string[]
    }
  | { readonly outcome: 'none' | 'source-failed' | 'target-refused'; readonly text: string }

/** No account has nearly as many. */
const MAX_PREFERENCES = 200

const textOf = (cause: unknown): string =>
  cause instanceof XrpcError ? `${cause.status || ''} ${cause.error}: ${cause.message}`.trim() : String(cause)

/** Copies the preferences. Throws only when the move is aborted. */
export async function copyPreferences(
  deps: CopyDeps,
  { source, target }: { source: Pick<Source, 'client'>; target: Pick<Target, 'client'> },
): Promise<CopiedPreferences> {
  const { signal } = deps
  const retry = retrying(retryOptions(deps, 3))
  let given: unknown
  try {
    given = (await retry(() => source.client.app.bsky.actor.getPreferences({}, { signal }))).preferences
  } catch (cause) {
    signal.throwIfAborted()
    return { outcome: 'source-failed', text: textOf(cause) }
  }
  if (!Array.isArray(given))
    return { outcome: 'source-failed', text: `the source sends no list of preferences, but ${typeof given}` }
  const left: string[] = []
  const valid: Preferences = []
  for (const [i, item] of given.slice(0, MAX_PREFERENCES).entries())
    if (isObject(item) && typeof item['$type'] === 'string') valid.push(item as Preferences[number])
    else left.push(`preference ${i + 1} of the source is not an object with a $type`)
  if (given.length > MAX_PREFERENCES)
    left.push(`the source sends ${given.length}: only ${MAX_PREFERENCES} were taken`)
  if (valid.length === 0)
    return left.length > 0
      ? { outcome: 'copied', count: 0, left }
      : { outcome: 'none', text: 'there are none' }

  const put = (preferences: Preferences) =>
    retry(() => target.client.app.bsky.actor.putPreferences({ preferences }, { signal }))
  try {
    await put(valid)
    return { outcome: 'copied', count: valid.length, left }
  } catch (cause) {
    signal.throwIfAborted()
    if (!declines(cause) || valid.length === 1) return { outcome: 'target-refused', text: textOf(cause) }
  }
  // One of them is in the way: those that the target takes are added one by one.
  const taken: Preferences = []
  let last = ''
  for (const item of valid) {
    try {
      await put([...taken, item])
      taken.push(item)
    } catch (cause) {
      signal.throwIfAborted()
      last = textOf(cause)
      left.push(`the target refuses ${String(item.$type)}: ${last}`)
    }
  }
  return taken.length > 0
    ? { outcome: 'copied', count: taken.length, left }
    : { outcome: 'target-refused', text: last }
}
