import type { Server } from './servers.ts'

/** The median of several repetitions, with the lowest and the highest. */
export interface Figure {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly repetitions: number
}

export const quantile = (values: readonly number[], q: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

export const figure = (values: readonly number[]): Figure => ({
  median: quantile(values, 0.5),
  low: Math.min(...values),
  high: Math.max(...values),
  repetitions: values.length,
})

/**
 * Runs the work on each server in turn, and changes which one is first each time: both see the same machine, and one
 * is idle while the other works.
 */
export const alternate = async <T>(
  servers: readonly Server[],
  repetitions: number,
  work: (server: Server, repetition: number) => Promise<T>,
): Promise<Map<Server, T[]>> => {
  const results = new Map<Server, T[]>(servers.map((server) => [server, []]))
  for (let n = 0; n < repetitions; n++) {
    for (const server of n % 2 === 0 ? servers : servers.toReversed())
      results.get(server)?.push(await work(server, n))
  }
  return results
}

export const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return performance.now() - start
}
