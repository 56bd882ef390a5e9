import { type Check, fail, pass, warn } from '../check.ts'
import type { MoverDeps } from '../moverDeps.ts'

/** What a difference costs nothing, and what breaks: a service token is valid for 60 seconds. */
const SMALL_MS = 10_000
const LARGE_MS = 50_000

/** How far a server's clock is ahead of ours, by the Date of its answer; undefined if it does not say. */
const aheadMs = async (origin: string, { fetch, now }: Pick<MoverDeps, 'fetch' | 'now'>) => {
  try {
    const before = now()
    const answer = await fetch(`${origin}/xrpc/com.atproto.server.describeServer`, { redirect: 'manual' })
    await answer.body?.cancel()
    const date = Date.parse(answer.headers.get('date') ?? '')
    // The Date has whole seconds, cut off.
    return Number.isNaN(date) ? undefined : date + 500 - (before + now()) / 2
  } catch {
    return undefined
  }
}

const seconds = (ms: number): string => `${Math.round(Math.abs(ms) / 1000)} s ${ms > 0 ? 'ahead' : 'behind'}`

/** Whether the clocks of both servers and this machine agree: tokens are valid for a minute. */
export const checkClock = async (
  deps: Pick<MoverDeps, 'fetch' | 'now'>,
  origins: readonly string[],
): Promise<Check[]> => {
  const found = await Promise.all(
    origins.map(async (origin) => ({ origin, ms: await aheadMs(origin, deps) })),
  )
  const known = found.flatMap(({ origin, ms }) => (ms === undefined ? [] : [{ origin, ms }]))
  if (known.length === 0) return []
  // Between any two of the clocks; this machine's is 0.
  const all = [0, ...known.map(({ ms }) => ms)]
  const difference = Math.max(...all) - Math.min(...all)
  const seen = known.map(({ origin, ms }) => `${origin} is ${seconds(ms)}`).join(', ')
  if (difference <= SMALL_MS) return [pass('clock', 'the clocks agree')]
  const check = difference > LARGE_MS ? fail : warn
  return [
    check(
      'clock',
      `by the clock of this machine, ${seen}`,
      'set the clock that is wrong: tokens are valid for a minute, and would look expired, or not valid yet',
    ),
  ]
}
