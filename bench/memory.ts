import { writeFile } from 'node:fs/promises'
import { readMemory } from '../dev/memory.ts'

export interface Watched<T> {
  readonly result: T
  /** Bytes before the work, and the peak during it. */
  readonly before: number
  readonly peak: number
}

/** The peak memory of a process while the work runs. */
export const watchMemory = async <T>(pid: number, work: () => Promise<T>): Promise<Watched<T>> => {
  const { rss: before } = await readMemory(pid)
  // Linux can reset the high-water mark if that is permitted; elsewhere the memory is sampled.
  const exact = await writeFile(`/proc/${pid}/clear_refs`, '5').then(
    () => true,
    () => false,
  )
  let sampled = before
  const timer = exact
    ? undefined
    : setInterval(() => {
        void readMemory(pid).then(({ rss }) => (sampled = Math.max(sampled, rss)))
      }, 20)
  try {
    const result = await work()
    const { rss, peak } = await readMemory(pid)
    return { result, before, peak: exact ? peak : Math.max(sampled, rss) }
  } finally {
    clearInterval(timer)
  }
}
