/** In this time the buffers on the way to a reader fill up, which says nothing about the reader. */
const BUFFERS_MS = 10_000
/** Longer than what the buffers last for, from which a reader takes what is not seen here. */
const WINDOW_MS = 120_000

/** How fast a stream is read, over the last two to four minutes. Times are in milliseconds. */
export class ReadPace {
  #since: number
  #bytes = 0
  #last: number | undefined

  constructor(now: number) {
    this.#since = now + BUFFERS_MS
  }

  note(bytes: number, now: number): void {
    if (now < this.#since) {
      // If the clock has gone back, this begins again.
      this.#since = Math.min(this.#since, now + BUFFERS_MS)
      this.#bytes = 0
      return
    }
    const pace = this.#window(now)
    if (pace !== undefined) {
      this.#last = pace
      this.#since = now
      this.#bytes = 0
    }
    this.#bytes += bytes
  }

  /** Bytes in a second; undefined in the first two minutes. */
  bytesPerSecond(now: number): number | undefined {
    return this.#window(now) ?? this.#last
  }

  /** The pace of the window, once it has passed. */
  #window(now: number): number | undefined {
    const elapsed = now - this.#since
    return elapsed < WINDOW_MS ? undefined : (this.#bytes * 1000) / elapsed
  }
}
