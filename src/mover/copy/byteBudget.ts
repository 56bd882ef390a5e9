/** Bytes that may be held at the same time. */
export interface ByteBudget {
  /** Waits until so many of them are free, in the order of the calls, and takes them. Returns what gives them back. */
  take(bytes: number): Promise<() => void>
}

/** `total`: how many bytes there are. Who wants more than that waits for all of them. */
export const createByteBudget = (total: number): ByteBudget => {
  let free = total
  const waiting: { bytes: number; go: () => void }[] = []
  const serve = () => {
    for (let [next] = waiting; next && next.bytes <= free; [next] = waiting) {
      waiting.shift()
      free -= next.bytes
      next.go()
    }
  }
  return {
    async take(wanted) {
      const bytes = Math.min(wanted, total)
      await new Promise<void>((resolve) => {
        waiting.push({ bytes, go: resolve })
        serve()
      })
      let isTaken = true
      return () => {
        if (!isTaken) return
        isTaken = false
        free += bytes
        serve()
      }
    },
  }
}
