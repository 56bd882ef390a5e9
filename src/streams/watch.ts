/** What a watch takes from the platform. */
export interface WatchClock {
  now(): number
  timer(ms: number, ring: () => void): () => void
}

/** Bounds each wait of a piece of work by a time of its own, with one timer for all of them. */
export interface Watch {
  /** A wait begins, in place of the one before. If it is not over after so many milliseconds, `late` is called with the error. */
  wait(ms: number, error: () => Error): void
  /** Nothing is waited for. */
  idle(): void
  /** The work has ended; what is waited for afterwards is not bounded. */
  end(): void
}

/** A timer for each chunk of a stream would cost more than the chunk: one that rings too early is set again. */
export const createWatch = ({ now, timer }: WatchClock, late: (error: Error) => void): Watch => {
  let waiting: { until: number; error: () => Error } | undefined
  let armed: { until: number; stop: () => void } | undefined
  let ended = false

  const disarm = (): void => {
    armed?.stop()
    armed = undefined
  }
  const arm = (until: number): void => {
    const stop = timer(Math.max(0, until - now()), () => {
      armed = undefined
      if (!waiting) return
      if (waiting.until <= now()) late(waiting.error())
      else arm(waiting.until)
    })
    armed = { until, stop }
  }
  return {
    wait: (ms, error) => {
      if (ended) return
      const until = now() + ms
      waiting = { until, error }
      if (armed && armed.until <= until) return
      disarm()
      arm(until)
    },
    idle: () => {
      waiting = undefined
    },
    end: () => {
      ended = true
      waiting = undefined
      disarm()
    },
  }
}
