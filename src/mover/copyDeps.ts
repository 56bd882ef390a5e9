import type { CopyDeps } from './copy/copyDeps.ts'
import type { Move } from './move.ts'
import type { TransferProgress } from './moveEvent.ts'
import type { StepName } from './stepName.ts'

/** How often progress is told, in milliseconds. */
const INTERVAL_MS = 250

const rated = (
  { bytes, totalBytes, count, totalCount, ...more }: TransferProgress,
  elapsedMs: number,
): TransferProgress => {
  const seconds = elapsedMs / 1000
  const bytesPerSecond = seconds > 0 ? Math.round(bytes / seconds) : undefined
  const share =
    totalBytes !== undefined && totalBytes > 0
      ? bytes / totalBytes
      : totalCount !== undefined && totalCount > 0
        ? (count ?? 0) / totalCount
        : undefined
  const secondsLeft =
    share !== undefined && share > 0 && seconds > 1
      ? Math.max(0, Math.round(seconds / share - seconds))
      : undefined
  return { ...more, bytes, totalBytes, count, totalCount, bytesPerSecond, secondsLeft }
}

/** What copying gets: the progress becomes events with rate and time left, and keeps the lock. */
export function copyDepsOf({ deps, store, emit }: Move, step: StepName): CopyDeps {
  const begun = deps.now()
  let toldAt = -Infinity
  return {
    fetch: deps.fetch,
    now: () => deps.now(),
    signal: deps.signal,
    wait: (ms, signal) => deps.wait(ms, signal),
    progress(progress) {
      const now = deps.now()
      const { bytes, totalBytes, count, totalCount } = progress
      const isEnd = totalCount === undefined ? bytes === totalBytes : count === totalCount
      if (now - toldAt < INTERVAL_MS && !isEnd) return
      toldAt = now
      emit({ type: 'progress', step, progress: rated(progress, now - begun) })
      // The next line of the journal finds out whether another mover has taken over.
      store.touch().catch(() => {})
    },
  }
}
