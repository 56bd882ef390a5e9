import type { ContractDeps } from './types.ts'

/** Gives each request its turn, at most so many a second, and counts them. */
export interface Pace {
  turn(): Promise<void>
  count(): number
}

export function createPace({ now, sleep }: Pick<ContractDeps, 'now' | 'sleep'>, perSecond?: number): Pace {
  let count = 0
  let next = 0
  return {
    async turn() {
      count += 1
      if (perSecond === undefined) return
      const time = now()
      const start = Math.max(time, next)
      next = start + 1000 / perSecond
      if (start > time) await sleep(start - time)
    },
    count: () => count,
  }
}
