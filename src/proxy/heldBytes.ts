/** The bytes that one request holds. */
export interface Hold {
  /** Whether it may hold so many more, which are counted then. */
  take(bytes: number): boolean
  end(): void
}

export interface HeldBytesDeps {
  now(): number
  /** How many bytes all requests together may hold. */
  maxBytes: number
  /** A hold that has not ended by then was lost with its request. */
  lostMs: number
}

/** Counts what the requests of this isolate hold in memory at once. Returns a function that begins a hold. */
export const createHeldBytes = ({ now, maxBytes, lostMs }: HeldBytesDeps): (() => Hold) => {
  const holds = new Set<{ bytes: number; at: number }>()

  const held = (): number => {
    let bytes = 0
    for (const hold of holds) {
      const age = now() - hold.at
      // If the clock has gone back, nothing is recent.
      if (age < 0 || age >= lostMs) holds.delete(hold)
      else bytes += hold.bytes
    }
    return bytes
  }

  return () => {
    const hold = { bytes: 0, at: now() }
    holds.add(hold)
    return {
      take: (bytes) => {
        if (held() + bytes > maxBytes) return false
        hold.bytes += bytes
        return true
      },
      end: () => void holds.delete(hold),
    }
  }
}
